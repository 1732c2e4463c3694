import * as z from 'zod';
import { type ThinkLevel, thinkLevels } from '../../chat/think-levels.ts';
import { given } from './given.ts';

/** How much the model thinks, by a level's name. */
export const thinkLevel: z.ZodType<ThinkLevel | undefined> = given(z.enum(thinkLevels));

/** Whether the model thinks, or how much; "none" is the same as false. */
export const thinkField: z.ZodType<boolean | ThinkLevel | undefined> = given(
  z.union(
    [z.boolean(), z.enum(thinkLevels)],
    `expected true, false or one of ${thinkLevels.map((level) => `"${level}"`).join(', ')}`,
  ),
).transform((think) => (think === 'none' ? false : think));
