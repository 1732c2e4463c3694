import { largestChoice, missingDevice, tooSmall } from './budget-words.ts';
import { formatBytes } from './bytes.ts';
import { downloadErrors } from './download-errors.ts';
import type { ErrorCode, ErrorDetails, ErrorTable } from './error-details.ts';
import { fileErrors } from './file-errors.ts';
import { someOf } from './short-line.ts';

const nameOf = (token: string | undefined): string => (token === undefined ? 'missing' : JSON.stringify(token));

/** A value that is seen in a sentence: a blank one in quotes. */
const visible = (value: string): string => (value.trim() === '' ? JSON.stringify(value) : value);

function notFound({ file, name, nearest = [] }: ErrorDetails['MODEL_NOT_FOUND']): string {
  const near = nearest.length > 0 ? `did you mean ${nearest.join(', ')}? ` : '';
  return name
    ? `no model is called ${file}; ${near}"ssd-llm list" shows those there are, "ssd-llm pull ${file}" downloads one`
    : `${file} does not exist; ${near}check the path of the GGUF file`;
}

const notOurs = ({ name, file, owner, removal }: ErrorDetails['MODEL_NOT_OURS']): string =>
  owner === undefined || removal === undefined
    ? `${name} lies outside the models folder, where nothing is deleted; delete ${file} itself`
    : `${name} belongs to ${owner}, whose models are only read (${file}); ${removal}`;

function withoutModels({ folders, named }: ErrorDetails['NO_MODELS']): string {
  const there = folders.join(', ');
  if (named === 'a file') return `${there} is a file, not a folder of models; name it without --models`;
  if (named === 'missing') return `there is no folder ${there}; check the path behind --models`;
  return `there is no model in ${there}; "ssd-llm pull hf.co/ORG/REPO:QUANT" downloads one, or name a GGUF file, or with --models a folder that holds some`;
}

/** An option as the APIs spell it: topP -> top_p. */
export const fieldOf = (option: string): string => option.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/**
 * Every error a user can meet: what happened, to what, and what to do. The second wording, where there is one, is for
 * clients of the server, who have no command line.
 */
export const errorTable: ErrorTable<ErrorCode> = {
  ...fileErrors,
  ...downloadErrors,
  BAD_SIZE: ['usage', (d) => `"${d.text}" is not a size; ${d.hint ?? 'write 8G, 1.5G, 512M or a number of bytes'}`],
  BAD_OPTION: [
    'usage',
    (d) => `${d.option} ${visible(d.value)} is not valid; expected ${d.expected}`,
    (d) => `${fieldOf(d.option)} ${visible(d.value)} is not valid; expected ${d.expected}`,
  ],
  NO_PROMPT: [
    'usage',
    () => 'there is no prompt; pass --prompt TEXT or pipe the text to stdin',
    () => 'the prompt is empty; send some text',
  ],
  NO_TEXTS: [
    'usage',
    () => 'there are no texts; name some behind the model, or a file of them with --file, or pipe them to stdin',
    () => 'there are no texts; send some',
  ],
  EMPTY_INPUT: [
    'usage',
    () => 'a text is empty, or has nothing that the model knows; leave it out',
    () => 'an input is empty, or has nothing that the model knows; leave it out',
  ],
  NO_INFILL: [
    'failure',
    (d) => `${d.file} has no tokens for filling in between two texts; use a model that was trained for it`,
    () => 'this model does not support insert: its vocabulary has no tokens for filling in between two texts',
  ],
  MODEL_NOT_FOUND: ['not-found', notFound, (d) => `model '${d.file}' not found`],
  MODEL_AMBIGUOUS: [
    'usage',
    (d) => `several models can be called ${d.name}: ${someOf(d.models)}; name one of them`,
    (d) => `model '${d.name}' is ambiguous: it may be ${someOf(d.models)}; name one of them`,
  ],
  MODEL_NOT_OURS: ['usage', notOurs],
  NOT_GGUF: [
    'failure',
    (d) => `${d.file} is not a GGUF file (it starts with ${d.found}); download or convert the model as GGUF`,
  ],
  GGUF_VERSION: [
    'failure',
    // Read in the wrong byte order, a small number becomes a huge one.
    (d) =>
      `${d.file} is ${d.version > 0xffff ? 'a big-endian GGUF file' : `GGUF version ${d.version}`}; versions 2 and 3 (little endian) can be read: convert it again`,
  ],
  GGUF_CORRUPT: ['failure', (d) => `${d.file} is damaged: ${d.what}; download it again`],
  GGUF_TRUNCATED: [
    'failure',
    (d) => `${d.file} is cut short: ${d.what} ends at byte ${d.needed} but the file has ${d.size}; download it again`,
  ],
  MISSING_SHARD: [
    'not-found',
    (d) => `${d.file} (part ${d.shard} of ${d.count}) is missing; put all parts of the model in one folder`,
  ],
  SHARD_MISMATCH: [
    'failure',
    (d) => `${d.file} does not belong to this model: ${d.what}; download all parts from the same place`,
  ],
  METADATA_MISSING: ['failure', (d) => `${d.file} has no "${d.key}" in its metadata; convert the model again`],
  METADATA_INVALID: ['failure', (d) => `${d.file}: metadata "${d.key}" ${d.what}; convert the model again`],
  ARCHITECTURE_REFUSED: [
    'failure',
    (d) => `architecture "${d.architecture}" is not supported: ${d.reason}; choose another model`,
  ],
  ADAPTER_UNSUITABLE: ['usage', (d) => `${d.file} cannot be used as a LoRA adapter of this model: ${d.what}`],
  NOT_A_MODEL: [
    'usage',
    (d) => `${d.file} is an adapter of a model, not a model; name the model it was made for, and this file with --lora`,
    (d) => `${d.file} is an adapter of a model, not a model`,
  ],
  NO_OWN_GRAPHS: [
    'usage',
    (d) => `ssd-llm has no graphs of its own for ${d.what}; leave --graphs out`,
    (d) => `this server is set to graphs that there are none of for ${d.what}`,
  ],
  UNKNOWN_ARCHITECTURE: [
    'failure',
    (d) => `architecture "${d.architecture}" is not supported; these are: ${d.known.join(', ')}`,
  ],
  UNKNOWN_TENSOR_TYPE: [
    'failure',
    (d) =>
      `tensor ${d.tensor} has type ${d.type}, which ggml does not know or no longer supports; quantize the model again`,
  ],
  UNSUPPORTED_TENSOR_TYPE: [
    'failure',
    (d) => `tensor ${d.tensor} has type ${d.type}, which cannot be multiplied; quantize the model to another type`,
  ],
  UNSUPPORTED_MODEL: ['failure', (d) => `this model has ${d.what}, which is not supported yet; choose another model`],
  MISSING_TENSOR: ['failure', (d) => `the model has no tensor ${d.tensor}; download or convert it again`],
  WRONG_SHAPE: [
    'failure',
    (d) =>
      `tensor ${d.tensor} has shape [${d.shape.join(', ')}] but the metadata asks for [${d.expected.join(', ')}]; convert the model again`,
  ],
  BUDGET_TOO_SMALL: [
    'failure',
    (d) =>
      `${tooSmall(d)}: raise ${d.of === 'gpu' ? '--gpu-memory' : '--memory-budget'} or lower ${largestChoice(d.parts)}`,
    (d) => `${tooSmall(d)}: ask for a shorter context, or have the server given more memory`,
  ],
  BUDGET_TOO_LARGE: [
    'failure',
    (d) =>
      `a memory budget of ${formatBytes(d.budget)} is more than the ${formatBytes(d.memory)} that this process can have here; lower --memory-budget, or leave it out for most of what is free`,
    (d) =>
      `a memory budget of ${formatBytes(d.budget)} is more than the ${formatBytes(d.memory)} that this process can have here; the server has to be given less`,
  ],
  KV_TYPE_UNSUITABLE: [
    'usage',
    (d) => `keys and values cannot be stored as ${d.type}: ${d.reason}; use --kv-type f16`,
    (d) => `keys and values cannot be stored as ${d.type}: ${d.reason}; the server has to store them as f16`,
  ],
  NO_EXPERTS: [
    'usage',
    () => 'this model has no experts that could be read one by one; leave --expert-cache out',
    () => 'this model has no experts that could be read one by one',
  ],
  NO_ROTATION: [
    'usage',
    (d) =>
      `models of architecture "${d.architecture}" do not rotate positions; leave --rope-scale, --rope-scaling and --rope-base out`,
    (d) => `models of architecture "${d.architecture}" do not rotate positions`,
  ],
  NOT_WITH_LIBLLAMA: [
    'usage',
    (d) =>
      d.adapted
        ? `${d.what} cannot be had with libllama's graphs, which LoRA adapters need; leave it or --lora out`
        : `${d.what} cannot be had with libllama's graphs, which this model of architecture "${d.architecture}" needs or was asked to have; leave it out`,
    (d) => `${d.what} cannot be had with this model of architecture "${d.architecture}"`,
  ],
  NOT_FOR_RANKING: [
    'usage',
    (d) => `${d.file} does not score how well texts answer a query; choose a reranker`,
    () => 'this model does not score how well texts answer a query; ask a reranker',
  ],
  NOT_FOR_EMBEDDINGS: [
    'usage',
    (d) => `${d.file} scores how well texts match a query, and has no embeddings; choose a model for embeddings`,
    () => 'this model scores how well texts match a query, and has no embeddings; ask /v1/rerank, or another model',
  ],
  NOT_FOR_ANSWERS: [
    'usage',
    (d) => `${d.file} makes embeddings of texts, and gives no answers; use "ssd-llm embed", or another model`,
    () =>
      'this model makes embeddings of texts, and gives no answers; ask /api/embed or /v1/embeddings, or another model',
  ],
  CONTEXT_TOO_LONG: [
    'failure',
    (d) =>
      `the prompt has ${d.atLeast ? 'at least ' : ''}${d.prompt} tokens but the context holds ${d.context}; shorten it or raise --ctx`,
    (d) =>
      `the prompt has ${d.atLeast ? 'at least ' : ''}${d.prompt} tokens, which exceeds the available context size; this model's maximum context length is ${d.context} tokens`,
  ],
  CONTEXT_BEYOND_MODEL: [
    'usage',
    (d) =>
      `a context of ${d.context} tokens is more than the ${d.trained} of this model; lower --ctx, or stretch it with --rope-scale`,
    (d) => `a context of ${d.context} tokens is more than the ${d.trained} of this model; ask for a shorter one`,
  ],
  LIBRARY_MISSING: [
    'failure',
    (d) =>
      `the ggml libraries for ${d.platform} could not be loaded (${d.reason}); reinstall with optional dependencies: npm install --include=optional`,
    (d) =>
      `the ggml libraries for ${d.platform} could not be loaded (${d.reason}); the server has to be installed again`,
  ],
  LIBRARY_DIFFERS: [
    'failure',
    (d) =>
      `the ggml libraries in ${d.folder} are not the ones that this version was made for (${d.what}); install it again`,
    (d) => `the ggml libraries are not the ones that the server was made for (${d.what}); it has to be installed again`,
  ],
  CPU_VARIANT: [
    'usage',
    (d) =>
      `the CPU variant "${d.variant}" cannot compute (${d.reason}); ${d.usable.length === 0 ? 'there is one only on this platform: choose none' : `choose one of ${d.usable.join(', ')}, or none`}`,
  ],
  MODEL_CLOSED: ['failure', (d) => `${d.file} has been closed; open it again to go on`],
  COMPUTE_FAILED: ['failure', (d) => `ggml could not compute the graph (status ${d.status})`],
  DEVICE_MISSING: [
    'usage',
    missingDevice,
    (d) => `there is no ${d.kind} device (${d.reason}); the server has to be given another`,
  ],
  DEVICE_FAILED: ['failure', (d) => `${d.device} failed (${d.reason}); try again, or take another device`],
  DEVICE_UNSUITABLE: ['usage', (d) => `${d.device} cannot compute this model (${d.what}); take another device`],
  NOT_FINITE: [
    'failure',
    (d) => `${d.file} gives numbers that are not finite, so its weights are damaged; download or convert it again`,
  ],
  OUT_OF_MEMORY: [
    'failure',
    (d) => `the system refused ${formatBytes(d.bytes)} for ${d.what}; lower --memory-budget or free memory`,
    (d) =>
      `the system refused ${formatBytes(d.bytes)} for ${d.what}; the server needs a smaller memory budget, or more free memory`,
  ],
  VOCABULARY_FAILED: [
    'failure',
    (d) => `the tokenizer of ${d.file} could not be loaded (${d.reason}); convert the model again`,
  ],
  GRAPH_FAILED: [
    'failure',
    (d) =>
      `llama.cpp cannot compute ${d.file} (${d.reason}); check that the file is whole, and that this version knows its architecture`,
  ],
  TEMPLATE_FAILED: [
    'failure',
    (d) => `the chat template could not be applied (${d.reason}); use run --raw to send the prompt as it is`,
    (d) =>
      `the chat template could not be applied (${d.reason}); send the messages as it wants them, or a text to complete`,
  ],
  BAD_GRAMMAR: ['usage', (d) => `the grammar or schema cannot be used: at ${d.place}: ${d.reason}`],
  VOCABULARY_DIFFERS: [
    'usage',
    (d) =>
      `${d.draft} cannot draft for ${d.target}: token ${d.token} is ${nameOf(d.drafted)} in one and ${nameOf(d.wanted)} in the other; take a draft model with the same tokenizer, such as a small one of the same family`,
  ],
  SERVER_BUSY: [
    'failure',
    (d) => `${d.waiting} requests are waiting already; try again later or raise --max-queue`,
    (d) => `${d.waiting} requests are waiting already; try again later`,
  ],
  GRAMMARS_FULL: [
    'failure',
    (d) =>
      `the grammars of the answers under way take all of the ${formatBytes(d.bytes)} that are for them; try again when some have ended, or with a smaller schema`,
  ],
  ANSWER_UNREAD: ['failure', () => 'so much of the answer waited to be read that it was given up; read it as it comes'],
  ENGINE_DIED: [
    'failure',
    (d) => `the engine of ${d.model} ended unexpectedly (${d.reason}); the next request starts it again`,
  ],
  NO_MODELS: ['not-found', withoutModels, (d) => `there is no model in ${d.folders.join(', ')}; the server needs some`],
  PORT_IN_USE: [
    'failure',
    (d) => `port ${d.port} of ${d.host} is in use by another program; end that, or choose another port with --port`,
    (d) => `port ${d.port} of ${d.host} is in use by another program; end that, or choose another port`,
  ],
  SERVER_UNREACHABLE: [
    'failure',
    (d) => `no server answers at ${d.url} (${d.reason}); start one with "ssd-llm serve", or name another with --host`,
    (d) => `no server answers at ${d.url} (${d.reason}); start it, or name another`,
  ],
};
