// In what order the units of a block go, and what the loss of each is, where those that stay make up for those that went.

/** A block's statistics. */
export interface BlockStatistics {
  /** Sum of w x x^T over tokens, x what the output projection reads, w what a token's output matters; [in, in]. Overwritten. */
  readonly gram: Float64Array;
  /** Output projection [in, out] in coordinates in which every output matters alike: W L with L L^T = E[g g^T]. Overwritten. */
  readonly weight: Float64Array;
  readonly units: number;
  /** Features of a unit. */
  readonly unit: number;
  readonly out: number;
}

export interface RemovalOrder {
  /** Units, the first to go first; all of them. */
  readonly order: Int32Array;
  /** Increase of the loss up to and with each removal. */
  readonly loss: Float64Array;
}

/**
 * Optimal brain surgeon (Hassibi and Stork 1993) with whole units, as in ZipLM (Kurtic et al. 2023): removing the unit S of
 * a projection W changes the output least if the others' rows change by -H^-1[:, S] (H^-1[S, S])^-1 W[S], which costs
 * trace(W[S]^T (H^-1[S, S])^-1 W[S]); then S leaves H^-1 by the same elimination. H is the Gram matrix, weighted by how much
 * the loss feels each token, and W's columns are turned so that the cost is the expected rise of the loss to second order
 * (Kronecker-factored Fisher: Martens and Grosse 2015).
 * @param inverse H^-1, ridge included; overwritten
 */
export function removalOrder({ weight, units, unit, out }: BlockStatistics, inverse: Float64Array): RemovalOrder {
  const n = units * unit;
  const alive = Int32Array.from({ length: units }, (_, i) => i);
  const order = new Int32Array(units);
  const loss = new Float64Array(units);
  let total = 0;
  for (let left = units, step = 0; left > 0; left--, step++) {
    let best = 0;
    let least = Infinity;
    for (let a = 0; a < left; a++) {
      const cost = removalCost(weight, inverse, n, out, alive[a]! * unit, unit);
      if (cost < least) [best, least] = [a, cost];
    }
    const gone = alive[best]!;
    order[step] = gone;
    loss[step] = total += Math.max(0, least);
    alive[best] = alive[left - 1]!;
    for (let f = 0; f < unit; f++) eliminate(weight, inverse, n, out, alive, left - 1, unit, gone * unit, f);
  }
  return { order, loss };
}

/** Of one unit: eliminates its features one after another on copies of what is within it. */
function removalCost(w: Float64Array, inverse: Float64Array, n: number, out: number, at: number, unit: number): number {
  if (unit === 1) return squares(w, at * out, out) / inverse[at * n + at]!;
  const block = new Float64Array(unit * unit);
  for (let i = 0; i < unit; i++) for (let j = 0; j < unit; j++) block[i * unit + j] = inverse[(at + i) * n + at + j]!;
  const rows = w.slice(at * out, (at + unit) * out);
  let cost = 0;
  for (let f = 0; f < unit; f++) {
    const pivot = block[f * unit + f]!;
    cost += squares(rows, f * out, out) / pivot;
    for (let i = f + 1; i < unit; i++) {
      const factor = block[i * unit + f]! / pivot;
      if (factor === 0) continue;
      for (let c = 0; c < out; c++) rows[i * out + c] = rows[i * out + c]! - factor * rows[f * out + c]!;
      for (let j = f; j < unit; j++) block[i * unit + j] = block[i * unit + j]! - factor * block[f * unit + j]!;
    }
  }
  return cost;
}

/** Feature at + f leaves: the rows of the others, and of the unit's own that are still to go, make up for it. */
function eliminate(
  w: Float64Array,
  inverse: Float64Array,
  n: number,
  out: number,
  alive: Int32Array,
  left: number,
  unit: number,
  at: number,
  f: number,
): void {
  const gone = at + f;
  const pivot = inverse[gone * n + gone]!;
  const touched: number[] = [];
  for (let i = f + 1; i < unit; i++) touched.push(at + i);
  for (let a = 0; a < left; a++) for (let i = 0; i < unit; i++) touched.push(alive[a]! * unit + i);
  const column = Float64Array.from(touched, (i) => inverse[i * n + gone]!);
  for (let t = 0; t < touched.length; t++) {
    const i = touched[t]!;
    const factor = column[t]! / pivot;
    if (factor === 0) continue;
    const [row, from] = [i * out, gone * out];
    for (let c = 0; c < out; c++) w[row + c] = w[row + c]! - factor * w[from + c]!;
    const base = i * n;
    // symmetric: one half is computed, then mirrored
    for (let u = 0; u <= t; u++) {
      const j = touched[u]!;
      const value = inverse[base + j]! - factor * column[u]!;
      inverse[base + j] = value;
      inverse[j * n + i] = value;
    }
  }
}

function squares(values: Float64Array, at: number, n: number): number {
  let sum = 0;
  for (let c = at; c < at + n; c++) sum += values[c]! * values[c]!;
  return sum;
}
