// What post-processors do to offsets: byte-level ones leave the white space around a token out.
import { isJsonObject } from './json-file.ts';
import type { TextEncoder } from './tokenizer-text.ts';

/**
 * The encoder with offsets trimmed where the post-processor says `trim_offsets` (processors ByteLevel and
 * RobertaProcessing; tokenizers, pre_tokenizers/byte_level.rs, process_offsets).
 * @param processor the `post_processor` object of tokenizer.json
 */
export function trimmedOffsets(processor: unknown, encode: TextEncoder): TextEncoder {
  if (!trims(processor)) return encode;
  return (text) => {
    const tokens = encode(text);
    const { offsets } = tokens;
    for (let i = 0; i < offsets.length; i += 2) {
      const [begin, end] = [offsets[i]!, offsets[i + 1]!];
      const part = text.slice(begin, end);
      offsets[i] = Math.min(end, begin + part.length - part.trimStart().length);
      offsets[i + 1] = Math.max(offsets[i]!, end - (part.length - part.trimEnd().length));
    }
    return tokens;
  };
}

function trims(processor: unknown): boolean {
  if (!isJsonObject(processor)) return false;
  const { type, processors } = processor;
  if (type === 'ByteLevel' || type === 'RobertaProcessing') return processor['trim_offsets'] !== false;
  return Array.isArray(processors) && processors.some(trims);
}
