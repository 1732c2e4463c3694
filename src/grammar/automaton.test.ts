import assert from 'node:assert/strict';
import test from 'node:test';
import { collectGarbage } from '../base/garbage.ts';
import { Automaton, type State } from './automaton.ts';
import { parseGbnf } from './gbnf.ts';

const noTokens = { named: () => undefined, controlAt: () => undefined };

/** Bytes of the heap that are in use more than before once a text has been read, the same byte many times. */
function bytesAfter(automaton: Automaton, byte: string, length: number): number {
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  let state: State | undefined = automaton.start;
  for (let i = 0; i < length; i += 1) {
    automaton.beginToken();
    state = automaton.advance(state as State, byte.charCodeAt(0));
    assert.ok(state, `byte ${i}`);
  }
  collectGarbage();
  return process.memoryUsage().heapUsed - before;
}

test('a long text within a grammar leaves no more in memory than a short one', () => {
  const rounds = new Automaton(parseGbnf('root ::= [a-z]{1,1000000}'), noTokens);
  assert.ok(bytesAfter(rounds, 'a', 30_000) < 8e6);
  const readings = Array.from({ length: 500 }, (_, i) => `("a"{1,${1000 + i}})`).join(' | ');
  const many = new Automaton(parseGbnf(`root ::= ${readings}`), noTokens);
  assert.ok(bytesAfter(many, 'a', 300) < 8e6);
});
