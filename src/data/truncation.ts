// How many tokens of each text stay when a pair is too long: the 'longest_first' rule of Hugging Face tokenizers.

/**
 * Lengths to keep of two texts of `a` and `b` tokens so that they fit into `room` together. The shorter text is kept
 * whole while it fits into half of the room; otherwise both are cut to half, the originally longer one getting the odd
 * token (tokenizers, utils/truncation.rs, TruncationStrategy::LongestFirst). For a single text b is 0.
 */
export function longestFirst(a: number, b: number, room: number): [keepA: number, keepB: number] {
  if (a + b <= room) return [a, b];
  if (b === 0) return [room, 0];
  let short = Math.min(a, b);
  let long = short > room ? short : Math.max(short, room - short);
  if (short + long > room) {
    short = Math.floor(room / 2);
    long = short + (room % 2);
  }
  return a > b ? [long, short] : [short, long];
}
