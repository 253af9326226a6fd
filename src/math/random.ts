// Seeded random numbers: xoshiro128** of Blackman and Vigna (https://prng.di.unimi.it), seeded by splitmix32.

/** A stream of random numbers; the same seed gives the same stream on every machine. */
export interface Random {
  /** The next 32 random bits, as an integer in [0, 2^32). */
  bits(): number;
  /** A number in [0, 1) with 53 random bits. */
  uniform(): number;
  /** An integer in [0, n), every one equally likely; n in [1, 2^32). */
  below(n: number): number;
  /** A standard normal number (Box and Muller 1958). */
  normal(): number;
  /** Puts the items in random order, in place (Fisher and Yates), and returns them. */
  shuffle<T>(items: T[]): T[];
}

/** Makes the stream of a seed. Any number will do as a seed; only its low 32 bits and its magnitude beyond them count. */
export function createRandom(seed: number): Random {
  const splitmix = splitmix32(seed >>> 0, Math.floor(Math.abs(seed) / 2 ** 32) >>> 0);
  return randomOf(xoshiro128ss([splitmix(), splitmix(), splitmix(), splitmix()]));
}

/** The generator itself from its four words of state, not all zero; each call gives the next 32 bits. */
export function xoshiro128ss(state: readonly [number, number, number, number]): () => number {
  let [a, b, c, d] = state;
  return () => {
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotateLeft(d, 11);
    return result;
  };
}

/** SplitMix with 32-bit words (the murmur3 finaliser over a Weyl sequence); only spreads a seed over a state. */
function splitmix32(low: number, high: number): () => number {
  let state = low ^ Math.imul(high, 0x85ebca6b);
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
}

function randomOf(bits: () => number): Random {
  const uniform = (): number => ((bits() >>> 5) * 2 ** 26 + (bits() >>> 6)) / 2 ** 53;
  const below = (n: number): number => {
    if (!Number.isInteger(n) || n < 1 || n >= 2 ** 32) {
      throw new RangeError(`random.below: expected an integer in [1, 2^32), found ${n}`);
    }
    const limit = 2 ** 32 - (2 ** 32 % n); // values from here on would favour the small residues
    for (;;) {
      const value = bits();
      if (value < limit) return value % n;
    }
  };
  return {
    bits,
    uniform,
    below,
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    shuffle(items) {
      for (let i = items.length - 1; i > 0; i--) {
        const j = below(i + 1);
        [items[i], items[j]] = [items[j]!, items[i]!];
      }
      return items;
    },
  };
}

function rotateLeft(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}
