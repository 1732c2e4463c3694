import { formatBytes } from '../../base/bytes.ts';
import { headline } from '../../plan/explain.ts';
import type { DevicePlan } from '../forecast.ts';
import { columns } from './columns.ts';

/** The facts that a server announces when it begins. */
export interface ServerStart {
  /** URL that it listens on, and the one by which this machine reaches it. */
  readonly url: string;
  readonly reachableUrl: string;
  /** The models by name. Those that were named have plans. */
  readonly models: readonly { readonly name: string; readonly planned: DevicePlan | undefined }[];
  /** True if the memory budget was chosen. */
  readonly auto: boolean;
  /** True if others than this machine can reach it. */
  readonly open: boolean;
  /** True if clients must have a key. */
  readonly keyed: boolean;
  /** True if there is a page. */
  readonly page: boolean;
}

const mostNamed = 8;

/** The announcement for people, in lines. */
export function announcement({ url, reachableUrl, models, auto, open, keyed, page }: ServerStart): readonly string[] {
  const plans = models.flatMap(({ name, planned }) => (planned ? [[name, planText(planned, auto)]] : []));
  const others = models.filter(({ planned }) => !planned).map(({ name }) => name);
  const example = models.find(({ planned }) => planned) ?? models[0];
  const body = JSON.stringify({ model: example?.name, prompt: 'Why is the sky blue?' });
  // As a shell takes it, in lines that a terminal does not wrap.
  const tried = [
    `  try: curl ${reachableUrl}/api/generate`,
    ...(keyed ? ["-H 'Authorization: Bearer KEY'"] : []),
    `-d '${body}'`,
  ].join(' \\\n    ');
  return [
    `ssd-llm listens on ${url}`,
    ...columns(plans).map((line) => `  ${line}`),
    ...(others.length > 0 ? [`  loaded when they are asked for: ${listed(others)}`] : []),
    ...(open && !keyed
      ? ['  whoever can reach this machine may use it: --api-key KEY lets in only those with a key']
      : []),
    ...(page ? [`  see: ${reachableUrl}/ui`] : []),
    ...(example ? tried.split('\n') : ['  there is no model yet; try: ssd-llm pull NAME']),
  ];
}

/** The announcement for programs. */
export const announced = ({ url, reachableUrl, models, auto, open, keyed, page }: ServerStart): object => ({
  url,
  ...(page && { page: `${reachableUrl}/ui` }),
  open,
  keyed,
  auto,
  models: models.map(({ name, planned }) => {
    if (!planned) return { name };
    const { plan, device } = planned;
    const { budget, parallel, context } = plan;
    return { name, device, budget, ...(plan.host && { host_budget: plan.host.budget }), parallel, context };
  }),
});

function planText({ plan, device }: DevicePlan, auto: boolean): string {
  const { host, budget, parallel, context } = plan;
  const chosen = auto ? ' (auto)' : '';
  const memory = `memory budget ${formatBytes(host?.budget ?? budget)}${chosen}`;
  const own = host ? `, ${formatBytes(budget)} of its own` : '';
  const computed = device.kind === 'cpu' ? '' : `; computed by ${device.name} (${device.kind})${own}`;
  return `${memory}${computed}; ${headline(plan)}; ${parallel} at once, ${context} tokens each`;
}

const listed = (names: readonly string[]): string => {
  const more = names.length - mostNamed;
  return `${names.slice(0, mostNamed).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
};
