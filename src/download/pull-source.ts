import { attempt } from '../base/attempt.ts';
import { EngineError } from '../base/errors.ts';

/** A place that a model can be pulled from. */
export type PullSource =
  /** A repository of Hugging Face, or of a mirror. A quantization, or a file, chooses among its models. */
  | {
      readonly kind: 'repository';
      readonly repository: string;
      readonly quantization?: string | undefined;
      readonly file?: string | undefined;
    }
  | { readonly kind: 'url'; readonly url: string }
  /** A model of a registry of Ollama's kind. */
  | RegistrySource;

export interface RegistrySource {
  readonly kind: 'registry';
  readonly host: string;
  /** Its namespace and name: "library/llama3.2". */
  readonly model: string;
  readonly tag: string;
}

/** The address of Hugging Face. */
export const usualHub = 'https://huggingface.co';
const ollamaHost = 'registry.ollama.ai';
const ollamaNamespace = 'library';

const part = String.raw`[A-Za-z0-9][\w.-]*`;
const repository = `${part}/${part}`;
const file = String.raw`[^?#]+\.gguf`;
const ofHub = String.raw`(?:(?:https?://)?(?:www\.)?(?:hf\.co|huggingface\.co)/|hf://)`;

const hubFile = new RegExp(`^${ofHub}(${repository})/(?:(?:resolve|blob)/main/)?(${file})(?:\\?download=true)?$`, 'i');
const hubModel = new RegExp(`^${ofHub}(${repository})(?:/tree/main)?/?(?::(${part}))?$`, 'i');
/** Names in Ollama's form that are a repository's: nothing else is called so. */
const ggufRepository = new RegExp(`^(${part}/${part}-gguf)(?::(${part}))?$`, 'i');
const inRegistry = new RegExp(
  String.raw`^(?!https?://[^/]+$)(?:https?://)?(?:(${part}\.${part}(?::\d+)?|localhost:\d+|\[[\da-f:]+\]:\d+)/)?((?:${part}/)?${part})(?::(${part}))?$`,
  'i',
);

/**
 * The place that a name stands for: "hf.co/ORG/REPO:QUANT", a repository whose name ends in "-GGUF", the URL of a file,
 * whose header will say whether it is a model, or a name as Ollama has them, also with the host of a registry. Throws
 * BAD_OPTION.
 */
export function pullSource(name: string): PullSource {
  const [, ofFile, path] = hubFile.exec(name) ?? [];
  if (ofFile !== undefined && path !== undefined) {
    return { kind: 'repository', repository: ofFile, file: decoded(path) ?? path };
  }
  const [, repository, quantization] = hubModel.exec(name) ?? ggufRepository.exec(name) ?? [];
  if (repository !== undefined) return { kind: 'repository', repository, quantization };
  if (isUrl(name)) return { kind: 'url', url: name };
  const [, host = ollamaHost, model, tag = 'latest'] = inRegistry.exec(name) ?? [];
  // A name of Hugging Face without its repository.
  if (model === undefined || [host, model].some((one) => new RegExp(`^${ofHub}$`, 'i').test(`${one}/`))) {
    const expected = 'hf.co/ORG/REPO:QUANT, the URL of a GGUF file, or a name of a registry such as llama3.2:1b';
    throw new EngineError('BAD_OPTION', { option: 'model', value: name, expected });
  }
  return {
    kind: 'registry',
    host: /^(?:www\.)?ollama\.com$/i.test(host) ? ollamaHost : host,
    model: model.includes('/') ? model : `${ollamaNamespace}/${model}`,
    tag,
  };
}

/** Finds a model by its name; a `full` one has its tag. */
type Find<T> = (name: string, options: { readonly full: boolean }) => T | undefined;

/**
 * The model that need not be pulled, for it is there: in a registry a name without a tag is the latest one, not any. The
 * file at a URL may be another by now.
 */
export function alreadyThere<T>(name: string, find: Find<T>): T | undefined {
  const kind = attempt(() => pullSource(name).kind);
  if (kind === 'url') return undefined;
  // Where several are there, the repository says which of them is meant.
  return attempt(() => find(name, { full: kind === 'registry' }));
}

/** The name of a registry's model as people write it: "llama3.2:1b", "localhost:5000/me/mine:latest". */
export function registryName({ host, model, tag }: RegistrySource): string {
  const full = host === ollamaHost ? model : `${host}/${model}`;
  return `${full.replace(new RegExp(`^${ollamaNamespace}/`), '')}:${tag}`;
}

/** Hosts of models by name, not of files by URL. */
const hosts = /^(?:www\.)?(?:hf\.co|huggingface\.co|ollama\.com|registry\.ollama\.ai)$/i;
/** The ending of a file's name: ".bin", not ".2" of a version. */
const ending = /\.[a-z][a-z\d]*$/i;
/** Folders of a model's name in a registry, with itself. */
const mostFolders = 2;

/** True for the URL of a file. The names of models in registries may be written as URLs, too. */
function isUrl(text: string): boolean {
  if (!/^https?:\/\/\S+$/i.test(text) || !URL.canParse(text)) return false;
  const { pathname, search, hostname } = new URL(text);
  if (/\.gguf$/i.test(pathname)) return true;
  const folders = pathname.slice(1).split('/');
  if (hosts.test(hostname) || folders.at(-1) === '') return false;
  return search !== '' || folders.length > mostFolders || ending.test(pathname);
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
