// Tells whether a classifier's answers would be right if its labels were exchanged.
import type { Evaluation } from '../evaluate/evaluate.ts';

/** Points of accuracy that an exchange must bring before it is taken for the reason. */
const worthSaying = 0.1;

/** At most one line. The exchange is found greedily: the most frequent pairs of gold and predicted class first. */
export function swappedLabels(evaluation: Evaluation | undefined, names: readonly string[]): string[] {
  const counts = evaluation?.confusion;
  if (!evaluation || !counts || evaluation.samples === 0) return [];
  const classes = Math.sqrt(counts.length);
  const exchange = bestExchange(counts, classes);
  const right = (gold: (predicted: number) => number): number =>
    Array.from({ length: classes }, (_, p) => counts[gold(p) * classes + p]!).reduce((sum, count) => sum + count, 0) /
    evaluation.samples;
  const [now, then] = [right((p) => p), right((p) => exchange[p]!)];
  if (then - now < worthSaying) return [];
  const moved = exchange.flatMap((gold, p) => (gold === p ? [] : [`'${names[p] ?? p}' for '${names[gold] ?? gold}'`]));
  const some = moved.length > 4 ? `${moved.slice(0, 4).join(', ')} and ${moved.length - 4} more` : moved.join(', ');
  return [
    `its labels look swapped: it says ${some}; exchanged, ${percent(then)} would be right instead of ${percent(now)}`,
  ];
}

/** For each predicted class the gold class it stands for. */
function bestExchange(counts: Float64Array, classes: number): number[] {
  const order = Array.from(counts.keys()).sort((a, b) => counts[b]! - counts[a]! || a - b);
  const exchange = Array.from({ length: classes }, () => -1);
  const taken = new Set<number>();
  for (const at of order) {
    const [gold, predicted] = [Math.floor(at / classes), at % classes];
    if (exchange[predicted] !== -1 || taken.has(gold)) continue;
    exchange[predicted] = gold;
    taken.add(gold);
  }
  return exchange;
}

function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(1)} %`;
}
