/** How much a model may be asked to think; which of them it knows, its template says. */
export const thinkLevels = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const;

export type ThinkLevel = (typeof thinkLevels)[number];
