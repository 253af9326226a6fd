// What post-processors do to offsets: byte-level ones leave the spaces around a token out.
import { isJsonObject, type JsonObject } from '../json-file.ts';
import type { TextEncoder } from './text.ts';

/**
 * The encoder with offsets trimmed where the post-processor says `trim_offsets` (processors ByteLevel and
 * RobertaProcessing; tokenizers, pre_tokenizers/byte_level.rs, process_offsets). A single space at the beginning may be
 * the one that the tokenizer set there and is left.
 * @param processor the `post_processor` object of tokenizer.json
 */
export function trimmedOffsets(
  processor: unknown,
  tokenOf: (id: number) => string | undefined,
  addedIds: ReadonlySet<number>,
  encode: TextEncoder,
): TextEncoder {
  const settings = trimming(processor);
  if (settings === undefined) return encode;
  const prefixed = settings['add_prefix_space'] !== false;
  return (text) => {
    const { ids, offsets } = encode(text);
    for (const [i, id] of ids.entries()) {
      const begin = offsets[2 * i]!;
      const end = offsets[2 * i + 1]!;
      const token = addedIds.has(id) ? text.slice(begin, end) : (tokenOf(id) ?? '');
      const before = spaces.before.exec(token)?.[0].length ?? 0;
      const own = prefixed && before === 1 && (i === 0 || begin === 0);
      const from = Math.min(end, stepOn(text, begin, own ? 0 : before));
      offsets[2 * i] = from;
      offsets[2 * i + 1] = Math.max(from, stepBack(text, end, spaces.behind.exec(token)?.[0].length ?? 0));
    }
    return { ids, offsets };
  };
}

/** A space as byte-level tokens write it, or white space that an added token took in. */
const spaces = { before: /^[\u0120\p{White_Space}]+/u, behind: /[\u0120\p{White_Space}]+$/u };

/** `count` characters behind `at`. */
function stepOn(text: string, at: number, count: number): number {
  for (let left = count; left > 0 && at < text.length; left--) at += text.codePointAt(at)! > 0xffff ? 2 : 1;
  return at;
}

/** `count` characters before `at`. */
function stepBack(text: string, at: number, count: number): number {
  for (let left = count; left > 0 && at > 0; left--) at -= at > 1 && text.codePointAt(at - 2)! > 0xffff ? 2 : 1;
  return at;
}

function trimming(processor: unknown): JsonObject | undefined {
  if (!isJsonObject(processor)) return undefined;
  const { type, processors } = processor;
  if (type === 'ByteLevel' || type === 'RobertaProcessing') {
    return processor['trim_offsets'] === false ? undefined : processor;
  }
  return Array.isArray(processors) ? processors.map(trimming).find((one) => one !== undefined) : undefined;
}
