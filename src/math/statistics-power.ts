// How many rows it takes: for an interval that is narrow enough, and for a drop to be seen by McNemar's test.

/** Standard normal quantiles: 97.5 % for a two-sided test at 5 %, and 80 % for the power. */
const Z_TEST = 1.959963984540054;
const Z_POWER = 0.8416212335729143;

/**
 * Rows with which the half-width h of the 95 % interval of the drop would be at most the allowed drop. A half-width
 * shrinks as 1 / sqrt(rows), so that n' = n (h / allowed)^2, rounded up; at least the rows there are.
 * Undefined where no number of rows is enough (nothing is allowed, and the interval has a width).
 * @param ciLow, ciHigh the interval measured on `samples` rows, in the unit of `allowed`
 */
export function samplesNeeded(ciLow: number, ciHigh: number, samples: number, allowed: number): number | undefined {
  const half = (ciHigh - ciLow) / 2;
  if (half <= Math.max(0, allowed)) return samples;
  if (allowed <= 0) return undefined;
  return Math.max(samples, Math.ceil(samples * (half / allowed) ** 2));
}

/**
 * Rows needed to see a drop of accuracy with a chance of 80 % by McNemar's test at 5 %, two-sided (Connor 1987,
 * Biometrics 43:207-211): n = (z_test sqrt(s) + z_power sqrt(s - d^2))^2 / d^2, rounded up, where d is the drop and s
 * the share of rows that one model has right and the other wrong. The chance is that of the asymptotic test; the exact
 * one, which is more careful, has 76 to 78 % there. Undefined for a drop of 0 or less.
 * @param drop fraction of the rows, such as 0.005
 * @param discordance share of discordant rows as measured; it cannot be less than the drop, and is raised to it
 */
export function rowsToSee(drop: number, discordance: number): number | undefined {
  if (!(drop > 0)) return undefined;
  const d = Math.min(1, drop);
  const s = Math.min(1, Math.max(d, discordance));
  const root = Z_TEST * Math.sqrt(s) + Z_POWER * Math.sqrt(s - d * d);
  return Math.ceil((root / d) ** 2);
}
