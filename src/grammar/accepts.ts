import { Automaton, type State } from './automaton.ts';
import type { GrammarNode } from './node.ts';

const noTokens = { named: () => undefined, controlAt: () => undefined };

/** A test of texts: are they whole texts of the grammar? Throws BAD_GRAMMAR. */
export function acceptor(grammar: GrammarNode): (text: string) => boolean {
  const automaton = new Automaton(grammar, noTokens);
  return (text) => {
    automaton.beginToken();
    let state: State | undefined = automaton.start;
    for (const byte of Buffer.from(text)) {
      state = automaton.advance(state, byte);
      if (!state) return false;
    }
    return state.accepts;
  };
}
