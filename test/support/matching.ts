import { Automaton, type State } from '../../src/grammar/automaton.ts';
import type { GrammarNode } from '../../src/grammar/node.ts';
import { compile } from '../../src/grammar/program.ts';

const noTokens = { named: () => undefined, controlAt: () => undefined };

/** A test of texts: are they whole texts of the grammar? Throws BAD_GRAMMAR. */
export function matcher(grammar: GrammarNode): (text: string) => boolean {
  const automaton = new Automaton(compile(grammar, noTokens));
  return (text) => {
    let state: State | undefined = automaton.start;
    for (const byte of Buffer.from(text)) {
      state = automaton.advance(state, byte);
      if (!state) return false;
    }
    return state.accepts;
  };
}
