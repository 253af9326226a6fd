// k-means in one dimension: a codebook for the numbers of a tensor (Han et al. 2016, Deep Compression).

export interface Codebook {
  /** Ascending centres, at most as many as asked for. */
  readonly centres: Float32Array;
  /** The nearest centre of each number. */
  readonly codes: Uint8Array;
  /** Mean squared error. */
  readonly error: number;
}

/** Rounds after which Lloyd's algorithm stops in any case. */
const ROUNDS = 50;
/** A round that gains less than this share of the error is the last. */
const ENOUGH = 1e-4;

/**
 * The best groups over a grid, then Lloyd's algorithm on the sorted numbers, which makes a round cost `count` searches.
 * @param count at most 256
 */
export function kMeans(values: Float32Array, count: number): Codebook {
  if (values.length === 0) return { centres: new Float32Array(0), codes: new Uint8Array(0), error: 0 };
  const sorted = values.slice().sort();
  const sums = prefixSums(sorted);
  let centres = start(sorted, sums, count);
  let before = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const { next, error } = lloyd(sorted, sums, centres);
    centres = next;
    if (before - error < ENOUGH * error) break;
    before = error;
  }
  const distinct = Float32Array.from(new Set(Float32Array.from(centres)));
  const codes = nearest(values, distinct);
  let error = 0;
  values.forEach((value, i) => (error += (value - distinct[codes[i]!]!) ** 2));
  return { centres: distinct, codes, error: error / values.length };
}

interface Sums {
  readonly first: Float64Array;
  readonly second: Float64Array;
}

function prefixSums(sorted: Float32Array): Sums {
  const [first, second] = [new Float64Array(sorted.length + 1), new Float64Array(sorted.length + 1)];
  sorted.forEach((value, i) => {
    first[i + 1] = first[i]! + value;
    second[i + 1] = second[i]! + value * value;
  });
  return { first, second };
}

/** Most places that the borders of the first groups are chosen from. */
const PLACES = 2048;

/** Centres of the best groups whose borders lie at steps of the range. */
function start(sorted: Float32Array, sums: Sums, count: number): Float64Array {
  const places = placesOf(sorted);
  const borders = bestBorders(places, sums, Math.min(count, places.length - 1));
  const centres = borders.slice(1).map((to, k) => mean(sums, borders[k]!, to));
  return Float64Array.from(centres);
}

/** Numbers of the sorted values at which a group can begin, with the end; each of them where there are few. */
function placesOf(sorted: Float32Array): number[] {
  const places = [0];
  const [low, high] = [sorted[0]!, sorted.at(-1)!];
  const step = (high - low) / PLACES;
  for (let i = 1; i < sorted.length; i++) {
    if (sorted[i] === sorted[i - 1]) continue;
    const crossed = Math.floor((sorted[i]! - low) / step) > Math.floor((sorted[i - 1]! - low) / step);
    if (sorted.length <= PLACES || crossed) places.push(i);
  }
  return [...places, sorted.length];
}

/**
 * Dynamic programming: least[k][to] = min over from of least[k - 1][from] + cost(from, to). The best `from` never falls as `to` grows, so each
 * row is filled by halving (Wu 1991; Wang and Song 2011, Ckmeans.1d.dp). Returns count + 1 borders.
 */
function bestBorders(places: readonly number[], sums: Sums, count: number): number[] {
  const n = places.length;
  const cost = (from: number, to: number): number => squaredError(sums, places[from]!, places[to]!);
  let before = Float64Array.from({ length: n }, (_, to) => (to === 0 ? 0 : cost(0, to)));
  const chosen: Int32Array[] = [];
  for (let k = 1; k < count; k++) {
    const now = new Float64Array(n).fill(Infinity);
    const from = new Int32Array(n);
    const fill = (low: number, high: number, first: number, last: number): void => {
      if (low > high) return;
      const to = (low + high) >> 1;
      for (let at = Math.max(first, k); at <= Math.min(last, to - 1); at++) {
        const value = before[at]! + cost(at, to);
        if (value < now[to]!) [now[to], from[to]] = [value, at];
      }
      fill(low, to - 1, first, from[to]!);
      fill(to + 1, high, from[to]!, last);
    };
    fill(k + 1, n - 1, k, n - 1);
    chosen.push(from);
    before = now;
  }
  const borders = [n - 1];
  for (const from of chosen.toReversed()) borders.unshift(from[borders[0]!]!);
  return [0, ...borders].map((place) => places[place]!);
}

function mean({ first }: Sums, from: number, to: number): number {
  return (first[to]! - first[from]!) / (to - from);
}

/** Sum of squared distances from the mean. */
function squaredError({ first, second }: Sums, from: number, to: number): number {
  const sum = first[to]! - first[from]!;
  return Math.max(0, second[to]! - second[from]! - (sum * sum) / (to - from));
}

/** Centres at the means of the numbers nearest each; an empty one stays. */
function lloyd(sorted: Float32Array, sums: Sums, centres: Float64Array): { next: Float64Array; error: number } {
  const next = centres.slice();
  let error = 0;
  let from = 0;
  for (let k = 0; k < centres.length; k++) {
    const to = k + 1 < centres.length ? firstAbove(sorted, (centres[k]! + centres[k + 1]!) / 2) : sorted.length;
    const size = to - from;
    if (size > 0) {
      next[k] = mean(sums, from, to);
      error += squaredError(sums, from, to);
      from = to;
    }
  }
  return { next, error };
}

function firstAbove(sorted: Float32Array, value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

function nearest(values: Float32Array, centres: Float32Array): Uint8Array {
  const edges = Float64Array.from(
    { length: Math.max(0, centres.length - 1) },
    (_, k) => (centres[k]! + centres[k + 1]!) / 2,
  );
  const codes = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    let [low, high] = [0, edges.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (value <= edges[middle]!) high = middle;
      else low = middle + 1;
    }
    codes[i] = low;
  }
  return codes;
}

/** Bits a code costs at least: Shannon's entropy of the codes. */
export function entropyBits(codes: Uint8Array): number {
  const counts = new Float64Array(256);
  for (const code of codes) counts[code]!++;
  let bits = 0;
  for (const count of counts) if (count > 0) bits -= (count / codes.length) * Math.log2(count / codes.length);
  return bits;
}
