// One file in two parts, to train on and to judge by: by seed, each class in both as it is in the whole.
import type { Row } from '../dataset.ts';
import { sampler } from '../sample.ts';

export interface Split {
  readonly train: readonly Row[];
  readonly dev: readonly Row[];
}

/**
 * Splits rows, each part in their order. Of every class the same share goes to dev, rounded so that the sum is right
 * (largest remainders); a class keeps at least one row in train.
 * @param share of the rows that go to dev, in (0, 1)
 * @param classOf what is to be spread evenly; the same for all rows where nothing is
 */
export function split(rows: readonly Row[], share: number, seed: number, classOf: (row: Row) => string): Split {
  const counts = new Map<string, number>();
  for (const row of rows) counts.set(classOf(row), (counts.get(classOf(row)) ?? 0) + 1);
  const quotas = quotasOf(counts, share);
  const takes = new Map([...counts].map(([name, n], i) => [name, sampler(quotas.get(name)!, n, seed + i)]));
  const [train, dev]: [Row[], Row[]] = [[], []];
  for (const row of rows) (takes.get(classOf(row))!() ? dev : train).push(row);
  return { train, dev };
}

function quotasOf(counts: ReadonlyMap<string, number>, share: number): Map<string, number> {
  const total = [...counts.values()].reduce((sum, n) => sum + n, 0);
  const exact = [...counts].map(([name, n]) => ({ name, n, quota: n * share }));
  const quotas = new Map(exact.map(({ name, n, quota }) => [name, Math.min(Math.floor(quota), n - 1)]));
  let left = Math.round(total * share) - [...quotas.values()].reduce((sum, n) => sum + n, 0);
  const byRemainder = exact.toSorted((a, b) => (b.quota % 1) - (a.quota % 1));
  for (const { name, n } of byRemainder) {
    if (left <= 0) break;
    const has = quotas.get(name)!;
    if (has >= n - 1) continue;
    quotas.set(name, has + 1);
    left--;
  }
  return quotas;
}
