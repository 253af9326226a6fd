// How many directions each basis gets of a budget of parameters.
import { UsageError } from '../../errors.ts';
import type { Basis } from './basis-sets.ts';

/** No basis gets less than this part of the rank that an even share would give it. */
const FLOOR = 1 / 4;

/**
 * Directions are taken in the order of what they carry of their basis's outputs, each weight's outputs counted as 1, times its
 * importance, for each parameter, until the budget is spent. A basis that has no rank in the end is smaller whole. Throws UsageError.
 */
export function ranksFor(
  bases: readonly Basis[],
  keep: number,
  importance: ReadonlyMap<string, number> = new Map(),
): Map<string, number> {
  const budget = keep * bases.reduce((sum, { whole }) => sum + whole, 0);
  const ranks = bases.map(({ whole, each }) => Math.floor((FLOOR * keep * whole) / each));
  const low = bases[ranks.indexOf(0)];
  if (low)
    throw new UsageError(
      `basis of ${low.name}: expected a share of the parameters that leaves it at least ${Math.ceil(1 / FLOOR)} directions of ${low.each}, found ${keep.toPrecision(3)} of ${low.whole}`,
    );
  const costOf = (rank: number, { each, whole }: Basis): number => Math.min(rank * each, whole);
  let spent = bases.reduce((sum, basis, i) => sum + costOf(ranks[i]!, basis), 0);
  const queue = bases
    .flatMap(({ name, each, directions }, i) => {
      const weight = (importance.get(name) ?? 1) / each;
      return directions.values.slice(ranks[i]).map((value) => ({ i, gain: weight * value }));
    })
    .toSorted((a, b) => b.gain - a.gain);
  for (const { i } of queue) {
    const more = costOf(ranks[i]! + 1, bases[i]!) - costOf(ranks[i]!, bases[i]!);
    if (spent + more > budget) break;
    spent += more;
    ranks[i]!++;
  }
  const smaller = bases.flatMap((basis, i) => (ranks[i]! * basis.each < basis.whole ? [[basis.name, ranks[i]!] as const] : [])); // prettier-ignore
  return new Map(smaller);
}

/** The rank that leaves a share of a basis's weights. */
export function evenRank({ whole, each }: Basis, keep: number): number {
  return Math.floor((keep * whole) / each);
}

/** Share of the outputs of all members, each counted as 1, that a rank leaves out. */
export function lostAt({ directions: { values } }: Basis, rank: number): number {
  return values.slice(rank).reduce((sum, value) => sum + value, 0);
}
