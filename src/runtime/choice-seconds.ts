import { median } from '../base/median.ts';
import { checkFinite } from '../sample/check-finite.ts';
import { Sampler } from '../sample/sampler.ts';
import { TokenList } from '../text/token-list.ts';

const rounds = 8;

/** Seconds of choosing a token among `vocabulary` ones, with the usual options. Throws LIBRARY_MISSING. */
export function choiceSeconds(vocabulary: number): number {
  using sampler = new Sampler(vocabulary, {});
  const text = TokenList.from([0]);
  const seconds = Array.from({ length: rounds }, () => {
    // Sampling changes logits. As many of them are large as of a model.
    const logits = Float32Array.from({ length: vocabulary }, (_, i) => ((i * 7919) % 1009) / 100);
    const began = performance.now();
    sampler.sample(checkFinite(logits, ''), text);
    return (performance.now() - began) / 1000;
  });
  return median(seconds);
}
