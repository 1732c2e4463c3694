// A reporter for node's test runner: a line of JSON for each test that ended.
import { relative } from 'node:path';

export default async function* reporter(events) {
  for await (const { type, data } of events) {
    if ((type !== 'test:pass' && type !== 'test:fail') || data.details.type === 'suite') continue;
    const { name, file = name, skip, details } = data;
    if (details.error?.failureType === 'subtestsFailed') continue;
    const state = type === 'test:fail' ? 'failed' : skip === undefined ? 'passed' : 'skipped';
    const reason = state === 'failed' ? details.error.message : `${skip}`;
    yield `${JSON.stringify({ file: relative('', file), name, state, reason })}\n`;
  }
}
