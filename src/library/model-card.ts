import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { at } from '../base/at.ts';
import { formatCount } from '../base/count.ts';
import { templateKeys, templateSourcesOf } from '../chat/template-sources.ts';
import { canThink } from '../chat/thought-tags.ts';
import { knowsTools } from '../chat/tools/recognize-format.ts';
import { quantizationOf } from '../gguf/file-type.ts';
import type { Metadata } from '../gguf/metadata.ts';
import type { ModelFile } from '../gguf/model-file.ts';
import { type Preset, presetSampling } from '../model/preset.ts';
import { evictFiles, type OutlineOptions, openOutline } from '../runtime/model-outline.ts';
import { recommendedSampling } from '../sample/recommended-sampling.ts';
import { mergedSampling, type PartialSamplingOptions } from '../sample/sampling-options.ts';
import { commonBytes, InfillSearch } from './infill-names.ts';

/** A model that clients can ask for, by its file's header. */
export interface ServedModel {
  /** Ollama's name for it: "smollm2-135m-instruct:q4_1". */
  readonly name: string;
  /** Bytes of all its files. */
  readonly size: number;
  readonly modified: Date;
  /** Digest that changes with the file: "sha256:" and 64 hex digits. */
  readonly digest: string;
  /** Family: "llama", "qwen3", … */
  readonly family: string;
  /** Number of parameters: "135M", "8.0B". */
  readonly parameters: string;
  /** Quantization: "Q4_1". */
  readonly quantization: string;
  /** Tokens that it was trained for. */
  readonly trainedContext: number;
  /** True if it was made for embeddings, not for answers. */
  readonly embeds: boolean;
  /** True if it answers messages. */
  readonly chats: boolean;
  /** True if it can think before it answers. */
  readonly thinks: boolean;
  /** True if its chat template knows tools. */
  readonly callsTools: boolean;
  /** True if its vocabulary has tokens for filling in between two texts. */
  readonly infills: boolean;
  /** The chat template's source; empty if there is none. */
  readonly template: string;
  /** The source of the chat template for conversations with tools; empty if they have none of their own. */
  readonly toolTemplate: string;
  readonly license: string;
  /** The sampling that the file, or what comes with it, recommends. */
  readonly sampling: PartialSamplingOptions;
  /** Settings that come with the model beside its file. */
  readonly preset?: Preset | undefined;
  /** Metadata: strings, numbers, booleans; arrays as null unless they are short. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** Options that decide how a model is described. */
export interface CardOptions extends OutlineOptions {
  /** Source of a chat template in place of the models' own. */
  readonly chatTemplate?: string | undefined;
  /** Settings that come with the model beside its file. */
  readonly preset?: Preset | undefined;
}

/** A model's description, from its header. */
export type ModelCard = Omit<ServedModel, 'name' | 'size' | 'modified' | 'preset'>;

/** The longest array that is shown; longer ones are vocabularies, not properties. */
const longestArray = 16;
const chunkBytes = 2 ** 20;

/**
 * Reads the header of a model that is understood as `options` want it; `version` goes into the digest. Throws the errors of
 * gguf/ and arch/.
 */
export function readCard(path: string, version: string, options: CardOptions = {}): ModelCard {
  const outline = openOutline(path, options);
  const { file, config } = outline;
  const { metadata } = file;
  const { preset } = options;
  const { plain: template = '', tools: toolTemplate = '' } = templateSourcesOf(
    metadata,
    options.chatTemplate ?? preset?.template,
  );
  const infill = new InfillSearch(metadata);
  const card = {
    digest: `sha256:${digest(file, preset ? `${version} ${JSON.stringify(preset)}` : version, infill)}`,
    family: config.architecture,
    parameters: formatCount(file.parameters),
    quantization: quantizationOf(file),
    trainedContext: config.context,
    embeds: outline.graphs.wholeTexts || !['none', 'rank'].includes(outline.pooling),
    chats: !outline.graphs.wholeTexts,
    callsTools: knowsTools(toolTemplate || template),
    thinks: canThink(template),
    infills: infill.found,
    template,
    toolTemplate,
    license: metadata.string('general.license', undefined) ?? metadata.string('general.license.name', ''),
    sampling: mergedSampling(recommendedSampling(metadata), presetSampling(preset)),
    metadata: recordOf(metadata),
  };
  evictFiles(outline);
  return card;
}

/** The metadata without the chat template, which has a field of its own. Long arrays are null. */
function recordOf(metadata: Metadata): Readonly<Record<string, unknown>> {
  const plain = (value: unknown): unknown => (typeof value === 'bigint' ? Number(value) : value);
  const show = (key: string): unknown => {
    if (!metadata.isArray(key)) return plain(metadata.raw(key));
    return metadata.arrayLength(key) > longestArray ? null : metadata.values(key).map(plain);
  };
  const keys = metadata.keys().filter((key) => key !== templateKeys.plain);
  return Object.fromEntries(keys.map((key) => [key, show(key)]));
}

/**
 * A digest of `version` and all bytes before the weights of the first file, which `infill` looks through: 8 MB for a
 * vocabulary of 128k take 15 ms, and 20 to look through.
 */
function digest({ files, weights }: ModelFile, version: string, infill: InfillSearch): string {
  const first = at(files, 0);
  const offsets = [...weights.values()].filter(({ extent }) => extent.file === 0).map(({ extent }) => extent.offset);
  const end = offsets.reduce((least, offset) => Math.min(least, offset), first.size);
  const hash = createHash('sha256').update(version);
  const chunk = Buffer.alloc(commonBytes + Math.min(chunkBytes, end));
  const fd = openSync(first.path, 'r');
  try {
    for (let at = 0; at < end; ) {
      const bytes = readSync(fd, chunk, commonBytes, Math.min(chunkBytes, end - at), at);
      if (bytes === 0) break;
      hash.update(chunk.subarray(commonBytes, commonBytes + bytes));
      infill.read(chunk.subarray(0, commonBytes + bytes));
      chunk.copyWithin(0, bytes, commonBytes + bytes);
      at += bytes;
    }
  } finally {
    closeSync(fd);
  }
  return hash.digest('hex');
}
