import type { AnswerSettings } from './answer-options.ts';

type Thinking = Pick<AnswerSettings, 'think' | 'thinkBudget'>;

/** A sentence about each option of thoughts that changes nothing; `thinks` is whether the model does. */
export function idleThoughts({ think, thinkBudget }: Thinking, thinks: boolean): readonly string[] {
  const asks = think !== undefined && think !== false;
  const why = thinks ? 'beside --no-think' : 'here: the model does not think';
  const idle = [
    ...(asks && !thinks ? ['--think'] : []),
    ...(thinkBudget !== undefined && (think === false || !thinks) ? ['--think-budget'] : []),
  ];
  return idle.map((flag) => `${flag} changes nothing ${why}`);
}
