// Two points where @huggingface/tokenizers' BertNormalizer differs from Python's, mended before the text reaches it.
import { isJsonObject } from './json-file.ts';

/** Chinese characters beyond the basic plane, which BertNormalizer sets apart with spaces (tokenizers, normalizers/bert.rs). */
const farHan = /[\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/gu;

/** Most texts have neither and are left as they are. */
const affected = /[\u03a3\ud840-\ud87e]/;

/**
 * A function that prepares a text for the normalizer of tokenizer.json.
 * - Python lowercases character by character, so a final sigma stays σ; JavaScript's toLowerCase makes it ς.
 * - The library misses Chinese characters outside the basic plane when it sets them apart.
 */
export function bertRepair(normalizer: unknown): (text: string) => string {
  if (!isJsonObject(normalizer) || normalizer['type'] !== 'BertNormalizer') return (text) => text;
  const lowercase = normalizer['lowercase'] !== false;
  const han = normalizer['handle_chinese_chars'] !== false;
  return (text) => {
    if (!affected.test(text)) return text;
    const lowered = lowercase ? text.replaceAll('\u03a3', '\u03c3') : text;
    return han ? lowered.replace(farHan, ' $& ') : lowered;
  };
}
