import { formatBytes } from '../../base/bytes.ts';
import type { ErrorCode } from '../../base/error-details.ts';
import { EngineError } from '../../base/errors.ts';
import type { Debug } from '../../base/log.ts';
import type { ModelSettings } from '../../model/model-options.ts';
import { withAdapters } from '../../model/preset.ts';
import { headline, type PlanSummary, shareLines, summarize } from '../../plan/explain.ts';
import { type FasterWay, fasterText, roughRate } from '../../plan/faster-ways.ts';
import { machineBytes } from '../../runtime/machine.ts';
import { type ModelOutline, openOutline } from '../../runtime/model-outline.ts';
import { tokenizerDoubt } from '../../text/check-tokenizer.ts';
import { draftCandidate } from '../draft-candidate.ts';
import { FirstCalibrations } from '../first-calibration.ts';
import { type Expectation, type ExpectedSpeed, Outlook } from '../forecast.ts';
import type { ChosenModel } from '../locate-model.ts';
import { modelSettingsOf } from '../options/model-settings.ts';
import type { Settings } from '../options/table.ts';
import { budgetLines, shorterPrompts } from '../print/budget-lines.ts';
import { columns } from '../print/columns.ts';
import { debugLog } from '../print/debug.ts';
import { describe, type ModelDescription, type RopeDescription } from '../print/describe.ts';
import { roughly } from '../print/duration.ts';
import { note, warn, write, writeJson } from '../print/output.ts';
import { printable } from '../print/printable.ts';
import { busyText } from '../print/slow-start.ts';

/** Prints what a model is, and the plan for it. */
export async function infoCommand(settings: Settings, { name, path, preset }: ChosenModel): Promise<void> {
  const debug = await debugLog(settings);
  const engine = { ...modelSettingsOf(settings), preset };
  const outline = openOutline(path, withAdapters(engine), debug);
  const model = describe(outline, name, settings.tensors);
  const doubt = tokenizerDoubt(outline.file.metadata);
  if (doubt !== undefined) warn(new Error(doubt));
  const { budgets, models } = settings;
  const found = await tryPlan(outline, engine, { debug, budgets, models });
  const failed = found instanceof EngineError;
  const auto = engine.memoryBudget === undefined;
  if (settings.json) {
    const planned = failed
      ? { plan: { error: { code: found.code, message: found.message } }, speed: null, faster: [] }
      : { device: found.expected.device, ...toJson(found.expected), faster: found.faster };
    await writeJson({ ...model, ...planned, ...(!failed && found.budgets && { budgets: found.budgets.map(toJson) }) });
  } else if (!failed && found.budgets) {
    const { budget } = found.expected.plan;
    const lines = budgetLines(found.budgets, { budget, auto, machine: machineBytes() });
    await write(`${lines.join('\n')}\n`);
    const about = shorterPrompts(found.budgets);
    if (about !== undefined) note(about);
  } else {
    const plan = failed ? [found.message] : planText(found, auto);
    await write(`${[...modelText(model), '', ...plan].join('\n')}\n`);
  }
  if (failed) process.exitCode = 1;
}

const toJson = ({ plan, speed, hitRate }: Expectation): { plan: PlanSummary; speed: ExpectedSpeed | null } => ({
  plan: summarize(plan, hitRate),
  speed,
});

/** Errors that keep a model from running as asked; its description is printed all the same. */
const explained: ReadonlySet<ErrorCode> = new Set(['BUDGET_TOO_SMALL', 'BUDGET_TOO_LARGE', 'KV_TYPE_UNSUITABLE']);

/** A plan, ways to more speed, and what other budgets give, where that was asked for. */
interface Found {
  readonly expected: Expectation;
  readonly faster: readonly FasterWay[];
  readonly budgets: readonly Expectation[] | undefined;
}

interface PlanRequest extends Partial<Pick<Settings, 'budgets' | 'models'>> {
  readonly debug?: Debug | undefined;
  readonly calibrations?: Pick<FirstCalibrations, 'of'>;
  /** False for files that have not come; default: true. */
  readonly present?: boolean;
}

/** The plan and its speed, or the error if there is none under this budget. */
export async function tryPlan(
  outline: ModelOutline,
  settings: ModelSettings,
  { debug, budgets, models, calibrations = new FirstCalibrations(), present }: PlanRequest,
): Promise<Found | EngineError> {
  try {
    const options = { ...settings, debug, warn };
    using outlook = new Outlook(outline, options, { calibrations, present });
    const expected = await outlook.expect();
    return {
      expected,
      faster: await outlook.faster(expected, () => draftCandidate(outline, { ...settings, models })),
      budgets: budgets ? await outlook.budgets() : undefined,
    };
  } catch (error) {
    if (error instanceof EngineError && explained.has(error.code)) return error;
    throw error;
  }
}

function modelText(model: ModelDescription): readonly string[] {
  const { tokenizer } = model;
  const types = Object.entries(model.types)
    .sort(([, a], [, b]) => b.bytes - a.bytes)
    .map(([name, { bytes }]) => `${name} ${formatBytes(bytes)}`);
  const lines = [
    printable(model.title === null ? model.name : `${model.name} (${model.title})`),
    ...table([
      [
        'architecture',
        `${model.architecture}, ${model.layers} layers of width ${model.width}${model.graphs === 'own' ? '' : ', graphs of libllama'}`,
      ],
      ...(model.heads > 0
        ? [['attention', `${model.heads} heads, ${model.kv_heads} for keys and values`] as const]
        : []),
      ['parameters', formatCount(model.parameters)],
      ['weights', `${formatBytes(model.bytes)}: ${types.join(', ')}`],
      ...unusedRows(model.unused),
      ['context', `${model.context} tokens`],
      ...embeddingRows(model.embeddings),
      ...ropeRows(model.rope),
      [
        'tokenizer',
        `${printable([tokenizer.model, tokenizer.pre].filter(Boolean).join('/'))}, ${tokenizer.tokens} tokens, ${
          tokenizer.chat_template ? 'with' : 'no'
        } chat template${tokenizer.tool_template ? ', and one for tools' : ''}`,
      ],
    ]),
  ];
  const tensors = model.tensors?.map(
    ({ name, type, shape, bytes }) =>
      [name, `${type.padEnd(8)}${formatBytes(bytes).padStart(10)}  [${shape.join(', ')}]`] as const,
  );
  return tensors ? [...lines, '', 'Tensors', ...table(tensors)] : lines;
}

/** A row about weights that nothing reads, if there are some. */
const unusedRows = ({ weights, bytes }: ModelDescription['unused']): readonly (readonly [string, string])[] =>
  weights === 0 ? [] : [['unused', `${formatBytes(bytes)} in ${weights} weights that the model does without`]];

/** A row about embeddings, or the scores that are made of them, where the model was made for these. */
function embeddingRows(embeddings: ModelDescription['embeddings']): readonly (readonly [string, string])[] {
  if (!embeddings) return [];
  const { dimensions, pooling } = embeddings;
  if (pooling === 'rank') return [['scores', 'of texts, by how well they answer a query (/v1/rerank)']];
  return [['embeddings', `${dimensions} elements, pooling: ${pooling}`]];
}

/** Rows about the rotation; none if the model rotates as the first models did. */
function ropeRows({ base, factor, scaling, factors }: RopeDescription): readonly (readonly [string, string])[] {
  const parts = [
    `base ${base}`,
    ...(scaling === 'none' ? [] : [`stretched ${factor} times (${scaling})`]),
    ...(factors === null ? [] : [`factors ${factors === 'fixed' ? 'of its own' : 'for short and long contexts'}`]),
  ];
  return parts.length === 1 && base === 10000 ? [] : [['rope', parts.join(', ')]];
}

/** The lines of a plan. */
export const planText = (
  { expected: { plan, device, speed, hitRate }, faster }: Found,
  auto: boolean,
): readonly string[] => [
  plan.host
    ? `Under ${formatBytes(plan.budget)} of the device's own memory`
    : `Under a memory budget of ${formatBytes(plan.budget)}${auto ? ' (auto)' : ''}`,
  `  ${headline(plan, hitRate)}`,
  ...table([...deviceRows(device), ...shareLines(plan, hitRate), ...(speed ? speedRows(speed, faster) : [])]),
];

/** A row about the device that computes, if it is not the CPU. */
const deviceRows = ({ kind, name }: Expectation['device']): readonly (readonly [string, string])[] =>
  kind === 'cpu' ? [] : [['device', `${printable(name)} (${kind})`]];

const grounds: Readonly<Record<ExpectedSpeed['basis'], string>> = {
  'last run': 'corrected by an earlier run',
  calibrated: 'by the measured speeds of this machine',
  assumed: 'if the storage is a usual one, which "ssd-llm bench" measures',
};

function speedRows(speed: ExpectedSpeed, faster: readonly FasterWay[]): readonly (readonly [string, string])[] {
  const { storage_bytes_per_s: storage, first_token_s, first_token_prompt } = speed;
  return [
    ['speed', speedText(speed)],
    ...(speed.busy ? [['', busyText] as const] : []),
    ['prompt', `of ${first_token_prompt} tokens: the answer begins about ${roughly(first_token_s)} after the start`],
    ...(storage === null ? [] : [['storage', `gives ${formatBytes(storage)}/s`] as const]),
    ...faster.map((way, i) => [i === 0 ? 'faster' : '', fasterText(way, ' tokens/s')] as const),
  ];
}

function speedText({ tokens_per_s, basis, bound, hits_basis }: ExpectedSpeed): string {
  const experts = hits_basis === 'other models' ? '; its experts are guessed from other models until it has run' : '';
  return `about ${roughRate(tokens_per_s)} tokens/s, limited by ${bound}, ${grounds[basis]}${experts}`;
}

/** Two columns, indented. */
const table = (rows: readonly (readonly [string, string])[]): readonly string[] =>
  columns(rows).map((line) => `  ${line}`);

/** A number of parameters: 134515008 -> "134.5 M". */
function formatCount(n: number): string {
  if (n >= 1e9) return `${(n / 1e9).toFixed(1)} B`;
  return n >= 1e6 ? `${(n / 1e6).toFixed(1)} M` : `${n}`;
}
