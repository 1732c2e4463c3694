import { Command } from 'commander';
import { formatBytes } from '../base/bytes.ts';
import type { Debug } from '../base/debug.ts';
import type { ErrorCode } from '../base/error-table.ts';
import { EngineError } from '../base/errors.ts';
import { type ModelOutline, openOutline } from '../engine/outline.ts';
import { headline, shareLines, summarize } from '../plan/explain.ts';
import type { Plan } from '../plan/plan.ts';
import { columns } from './columns.ts';
import { debugLog } from './debug.ts';
import { describe, type ModelDescription, type RopeDescription } from './describe.ts';
import { forecast } from './forecast.ts';
import { type KvFlags, kvOf, kvOptions } from './kv-options.ts';
import { budgetOf, budgetOption, contextOption, kernelsOption, type MachineFlags, threadsOption } from './options.ts';
import { warn, write, writeJson } from './output.ts';
import { printable } from './printable.ts';
import { type RopeFlags, ropeOf, ropeOptions } from './rope-options.ts';

interface InfoOptions extends MachineFlags, KvFlags, RopeFlags {
  tensors?: boolean;
  json?: boolean;
}

export function infoCommand(): Command {
  const command = new Command('info')
    .description('show what a model is, and the plan for running it under a memory budget')
    .argument('<model>', 'GGUF file; of a split model, any part')
    .addOption(budgetOption())
    .addOption(contextOption());
  for (const option of [...kvOptions(), ...ropeOptions()]) command.addOption(option);
  return command
    .addOption(kernelsOption())
    .addOption(threadsOption())
    .option('--tensors', 'list every tensor with its type, shape and size')
    .option('--json', 'print one JSON object')
    .action(info);
}

async function info(path: string, options: InfoOptions): Promise<void> {
  const debug = await debugLog();
  const outline = openOutline(path, ropeOf(options), debug);
  const model = describe(outline, options.tensors ?? false);
  const planned = tryPlan(outline, options, debug);
  const failed = planned instanceof EngineError;
  if (options.json) {
    const plan = failed ? { error: { code: planned.code, message: planned.message } } : summarize(planned);
    await writeJson({ ...model, plan });
  } else {
    const plan = failed ? [planned.message] : planText(planned, budgetOf(options) === undefined);
    await write(`${[...modelText(model), '', ...plan].join('\n')}\n`);
  }
  if (failed) process.exitCode = 1;
}

/** What keeps a model from being run as it was asked for; that it is described all the same. */
const explained: ReadonlySet<ErrorCode> = new Set(['BUDGET_TOO_SMALL', 'BUDGET_TOO_LARGE', 'KV_TYPE_UNSUITABLE']);

/** The plan, or why there is none under this budget. */
function tryPlan(outline: ModelOutline, options: InfoOptions, debug: Debug | undefined): Plan | EngineError {
  try {
    return forecast(outline, {
      ...options,
      memoryBudget: budgetOf(options),
      context: options.ctx,
      kv: kvOf(options),
      debug,
      warn,
    });
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
    printable(model.name),
    ...table([
      ['architecture', `${model.architecture}, ${model.layers} layers of width ${model.width}`],
      ['attention', `${model.heads} heads, ${model.kv_heads} for keys and values`],
      ['parameters', formatCount(model.parameters)],
      ['weights', `${formatBytes(model.bytes)}: ${types.join(', ')}`],
      ['context', `${model.context} tokens`],
      ...ropeRows(model.rope),
      [
        'tokenizer',
        `${printable([tokenizer.model, tokenizer.pre].filter(Boolean).join('/'))}, ${tokenizer.tokens} tokens, ${
          tokenizer.chat_template ? 'with' : 'no'
        } chat template`,
      ],
    ]),
  ];
  const tensors = model.tensors?.map(
    ({ name, type, shape, bytes }) =>
      [name, `${type.padEnd(8)}${formatBytes(bytes).padStart(10)}  [${shape.join(', ')}]`] as const,
  );
  return tensors ? [...lines, '', 'Tensors', ...table(tensors)] : lines;
}

/** Nothing if the model rotates as the first ones did. */
function ropeRows({ base, factor, scaling, factors }: RopeDescription): readonly (readonly [string, string])[] {
  const parts = [
    `base ${base}`,
    ...(scaling === 'none' ? [] : [`stretched ${factor} times (${scaling})`]),
    ...(factors === null ? [] : [`factors ${factors === 'fixed' ? 'of its own' : 'for short and long contexts'}`]),
  ];
  return parts.length === 1 && base === 10000 ? [] : [['rope', parts.join(', ')]];
}

const planText = (plan: Plan, auto: boolean): readonly string[] => [
  `Under a memory budget of ${formatBytes(plan.budget)}${auto ? ' (auto)' : ''}`,
  `  ${headline(plan)}`,
  ...table(shareLines(plan)),
];

/** Two columns, indented. */
const table = (rows: readonly (readonly [string, string])[]): readonly string[] =>
  columns(rows).map((line) => `  ${line}`);

/** 134515008 -> "134.5 M" */
function formatCount(n: number): string {
  if (n >= 1e9) return `${(n / 1e9).toFixed(1)} B`;
  return n >= 1e6 ? `${(n / 1e6).toFixed(1)} M` : `${n}`;
}
