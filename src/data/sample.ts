// Takes a number of rows out of a stream of known length, in its order, each choice equally likely.

/**
 * Selection sampling (Knuth, The Art of Computer Programming, volume 2, algorithm S): memory does not follow the numbers,
 * and the same seed takes the same rows.
 * @param size how many of `total` are taken; all where it is more
 * @returns says of each row in turn whether it is taken
 */
export function sampler(size: number, total: number, seed: number): () => boolean {
  const uniform = uniforms(seed);
  let [wanted, left] = [Math.min(size, total), total];
  return () => {
    const taken = uniform() * left < wanted;
    left--;
    if (taken) wanted--;
    return taken;
  };
}

/** Numbers in [0, 1) with 32 bits: SplitMix (Steele et al. 2014) in 32-bit words with murmur3's finaliser, as in math/random. */
function uniforms(seed: number): () => number {
  let state = (seed >>> 0) ^ Math.imul(Math.floor(Math.abs(seed) / 2 ** 32) >>> 0, 0x85ebca6b);
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return ((z ^ (z >>> 16)) >>> 0) / 2 ** 32;
  };
}
