// What stays of texts that are too long: the 'longest_first' rule and overlapping windows of Hugging Face tokenizers.

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

/**
 * Windows of at most `room` tokens over `length` tokens, each sharing `stride` tokens with the one before; from the
 * last token backwards where texts are cut on the left (tokenizers, tokenizer/encoding.rs, Encoding::truncate).
 * @param stride less than `room`
 */
export function windowsOf(
  length: number,
  room: number,
  stride: number,
  side: 'left' | 'right',
): (readonly [begin: number, end: number])[] {
  if (length <= room) return [[0, length]];
  const windows: (readonly [number, number])[] = [];
  for (let at = 0; at < length; at += room - stride) {
    const [begin, end] = [at, Math.min(at + room, length)];
    windows.push(side === 'right' ? [begin, end] : [length - end, length - begin]);
    if (end === length) break;
  }
  return windows;
}
