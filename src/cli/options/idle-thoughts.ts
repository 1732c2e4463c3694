import type { AnswerSettings } from './answer-options.ts';

type Thinking = Pick<AnswerSettings, 'think' | 'thinkBudget'>;

/** A sentence about each option of thoughts that changes nothing; `thinks` is whether the model does. */
export function idleThoughts({ think, thinkBudget }: Thinking, thinks: boolean): readonly string[] {
  const isOff = think === false || think === 'none';
  const asks = think !== undefined && !isOff;
  const why = thinks ? 'beside --no-think' : 'here: the model does not think';
  const idle = [
    ...(asks && !thinks ? ['--think'] : []),
    ...(thinkBudget !== undefined && (isOff || !thinks) ? ['--think-budget'] : []),
  ];
  return idle.map((flag) => `${flag} changes nothing ${why}`);
}
