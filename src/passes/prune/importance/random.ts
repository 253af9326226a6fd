// Importance by chance: the baseline that every method has to beat.
import { createRandom } from '../../../math/random.ts';

/** Scores of blocks one after another, the same for the same seed. */
export function randomScores(units: readonly number[], seed: number): Float64Array[] {
  const random = createRandom(seed);
  return units.map((count) => Float64Array.from({ length: count }, () => random.uniform()));
}
