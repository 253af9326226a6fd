// Statistics of samples: averages, correlations, distances between distributions and vectors.

/** Any list of numbers: a typed array or a plain one. */
export type Numbers = ArrayLike<number>;

/** Arithmetic mean; NaN of nothing. */
export function mean(values: Numbers): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
}

/** Median (mean of the two middle values of an even number); NaN of nothing. */
export function median(values: Numbers): number {
  return quantile(values, 0.5);
}

/** Quantile q in [0, 1] by linear interpolation (Hyndman and Fan 1996, type 7; numpy's default); NaN of nothing. */
export function quantile(values: Numbers, q: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = Float64Array.from(values).sort();
  const at = q * (sorted.length - 1);
  const below = Math.floor(at);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (at - below) * (high - low);
}

/** Pearson's correlation of two lists of equal length; NaN where one of them is constant. */
export function pearson(x: Numbers, y: Numbers): number {
  const meanX = mean(x);
  const meanY = mean(y);
  let xx = 0;
  let yy = 0;
  let xy = 0;
  for (let i = 0; i < x.length; i++) {
    const dx = x[i]! - meanX;
    const dy = y[i]! - meanY;
    xx += dx * dx;
    yy += dy * dy;
    xy += dx * dy;
  }
  return ratio(xy, Math.sqrt(xx) * Math.sqrt(yy));
}

/** Ranks from 1, ties share the average of their ranks. */
export function ranks(values: Numbers): Float64Array {
  const order = ascending(values);
  const result = new Float64Array(values.length);
  for (let from = 0; from < order.length;) {
    const to = endOfTie(values, order, from);
    for (let i = from; i < to; i++) result[order[i]!] = (from + 1 + to) / 2;
    from = to;
  }
  return result;
}

/** Spearman's rank correlation (Pearson's of the average ranks); NaN where one list is constant. */
export function spearman(x: Numbers, y: Numbers): number {
  return pearson(ranks(x), ranks(y));
}

/** Softmax of one row of logits, in float64, shifted by the largest so that nothing overflows. */
export function softmax(logits: Numbers): Float64Array {
  const result = new Float64Array(logits.length);
  let top = -Infinity;
  for (let i = 0; i < logits.length; i++) top = Math.max(top, logits[i]!);
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += result[i] = Math.exp(logits[i]! - top);
  for (let i = 0; i < logits.length; i++) result[i]! /= sum;
  return result;
}

/** ln of the sum of exp(x), shifted by the largest so that nothing overflows; -Infinity of nothing. */
export function logSumExp(values: Numbers): number {
  let top = -Infinity;
  for (let i = 0; i < values.length; i++) if (values[i]! > top) top = values[i]!;
  if (top === -Infinity) return top;
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += Math.exp(values[i]! - top);
  return top + Math.log(sum);
}

/**
 * Log-odds of each class, ln p - ln(1 - p) with p the softmax: what orders rows as p does, without its ties where p
 * rounds to 0 or 1. For the largest logit the others are summed apart, so that nothing cancels.
 */
export function logOdds(logits: Numbers): Float64Array {
  const best = argmax(logits);
  const top = logits[best]!;
  const others = logSumExp(Array.from(logits).toSpliced(best, 1));
  const rest = Math.exp(others - top);
  return Float64Array.from(logits, (logit, i) =>
    i === best ? top - others : logit - top - Math.log(1 + rest - Math.exp(logit - top)),
  );
}

/** Kullback-Leibler divergence of q from p, KL(p || q) = sum p ln(p / q), in nats; a term with p = 0 is 0. */
export function klDivergence(p: Numbers, q: Numbers): number {
  let sum = 0;
  for (let i = 0; i < p.length; i++) {
    if (p[i]! > 0) sum += p[i]! * Math.log(p[i]! / q[i]!);
  }
  return sum;
}

/** Cosine of the angle between two vectors; two zero vectors are equal (1), one zero vector has no direction (0). */
export function cosine(a: Numbers, b: Numbers): number {
  let ab = 0;
  let aa = 0;
  let bb = 0;
  for (let i = 0; i < a.length; i++) {
    ab += a[i]! * b[i]!;
    aa += a[i]! * a[i]!;
    bb += b[i]! * b[i]!;
  }
  return cosineOf(ab, aa, bb);
}

/** Cosine from the three inner products a.b, a.a and b.b, with the conventions of `cosine`. */
export function cosineOf(ab: number, aa: number, bb: number): number {
  if (aa === 0 && bb === 0) return 1;
  if (aa === 0 || bb === 0) return 0;
  return ab / (Math.sqrt(aa) * Math.sqrt(bb));
}

/** Signal to quantization-noise ratio in dB, 10 log10(sum ref^2 / sum (ref - x)^2); Infinity for equal vectors. */
export function sqnrDb(reference: Numbers, values: Numbers): number {
  let signal = 0;
  let noise = 0;
  for (let i = 0; i < reference.length; i++) {
    signal += reference[i]! ** 2;
    noise += (reference[i]! - values[i]!) ** 2;
  }
  return decibel(signal, noise);
}

/** 10 log10(signal / noise) in dB; Infinity without noise. */
export function decibel(signal: number, noise: number): number {
  return noise === 0 ? Infinity : 10 * Math.log10(signal / noise);
}

/** Index of the largest value, the first of equals; 0 of nothing. */
export function argmax(values: Numbers): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

/** Indices in ascending order of their values, equal values in order of index. */
export function ascending(values: Numbers): Uint32Array {
  const order = new Uint32Array(values.length);
  for (let i = 0; i < order.length; i++) order[i] = i;
  return order.sort((a, b) => values[a]! - values[b]! || a - b);
}

/** End (exclusive) of the run of equal values in `order` that begins at `from`. */
export function endOfTie(values: Numbers, order: Uint32Array, from: number): number {
  let to = from + 1;
  while (to < order.length && values[order[to]!] === values[order[from]!]) to++;
  return to;
}

function ratio(numerator: number, denominator: number): number {
  return denominator === 0 ? Number.NaN : numerator / denominator;
}
