// Tells whether a classifier's answers would be right if its labels were exchanged.
import type { Evaluation } from './evaluate.ts';

/**
 * What an exchange must bring before it is taken for the reason: points of accuracy, or a share of the mistakes. The best exchange of labels
 * of a model that only guesses brings some points as well, so that most must be right then, or the points be many.
 */
const worthSaying = { accuracy: 0.1, right: 0.5, many: 0.25, mistakes: 0.5, fewest: 10 };

/**
 * At most one line. The exchange is found greedily: the most frequent pairs of gold and predicted class first. Most
 * words of a tagged text are outside of entities, so that there an exchange shows in the mistakes, not in the accuracy.
 */
export function swappedLabels(
  evaluation: Pick<Evaluation, 'confusion'> | undefined,
  names: readonly string[],
): string[] {
  const counts = evaluation?.confusion;
  const total = counts?.reduce((sum, count) => sum + count, 0) ?? 0;
  if (!counts || total === 0) return [];
  const classes = Math.sqrt(counts.length);
  const exchange = bestExchange(counts, classes);
  const right = (gold: (predicted: number) => number): number =>
    Array.from({ length: classes }, (_, p) => counts[gold(p) * classes + p]!).reduce((sum, count) => sum + count, 0);
  const [now, then] = [right((p) => p), right((p) => exchange[p]!)];
  const { accuracy, right: most, many: points, mistakes, fewest } = worthSaying;
  const gain = then - now;
  const explains = then >= most * total || gain >= points * total;
  const many = (gain >= accuracy * total && explains) || (gain >= mistakes * (total - now) && gain >= fewest);
  if (!many) return [];
  const moved = exchange.flatMap((gold, p) => (gold === p ? [] : [`'${names[p] ?? p}' for '${names[gold] ?? gold}'`]));
  const some = moved.length > 4 ? `${moved.slice(0, 4).join(', ')} and ${moved.length - 4} more` : moved.join(', ');
  return [
    `its labels look swapped: it says ${some}; exchanged, ${percent(then / total)} would be right instead of ${percent(now / total)}`,
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
