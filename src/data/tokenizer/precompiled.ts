// SentencePiece's character map: replacements in a double-array trie, looked up by UTF-8 bytes (crate spm_precompiled).
import { AlignedBuilder, type Aligned } from './aligned.ts';
import { remembering } from './pieces.ts';

/** Bytes of the longest grapheme that is looked up as a whole. */
const longestGrapheme = 5;

const plain = /^[\x20-\x7e]*$/;

/**
 * The Precompiled normalizer of XLM-R and its kin, as Python's tokenizers apply it: a short grapheme is replaced by what
 * stands for its shortest known beginning, else each of its characters is.
 * @param base64 `precompiled_charsmap` of tokenizer.json: uint32 size of the trie in bytes, trie, NUL-ended replacements
 */
export function precompiled(base64: string): (text: string) => Aligned {
  const bytes = Buffer.from(base64, 'base64');
  const size = bytes.length < 4 ? 0 : bytes.readUInt32LE(0);
  if (size === 0 || 4 + size > bytes.length) throw new Error('a character map that is cut off');
  const trie = Uint32Array.from({ length: size / 4 }, (_, i) => bytes.readUInt32LE(4 + 4 * i));
  const replacements = bytes.subarray(4 + size);
  const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });
  const lookUp = remembering((part) => {
    const at = shortestMatch(trie, Buffer.from(part));
    return { found: at === undefined ? undefined : replacements.toString('utf8', at, replacements.indexOf(0, at)) };
  });
  return (text) => {
    const out = new AlignedBuilder();
    const graphemes = plain.test(text) ? text : Array.from(segmenter.segment(text), (one) => one.segment);
    let at = 0;
    for (const grapheme of graphemes) {
      const whole = Buffer.byteLength(grapheme) <= longestGrapheme ? lookUp(grapheme).found : undefined;
      if (whole === undefined) {
        for (const char of grapheme) {
          replaced(out, char, lookUp(char).found ?? char, at);
          at += char.length;
        }
      } else {
        replaced(out, grapheme, whole, at);
        at += grapheme.length;
      }
    }
    return out.done();
  };
}

/** Characters of the replacement stand for those of the original one by one, those left over for its last. */
function replaced(out: AlignedBuilder, original: string, replacement: string, at: number): void {
  if (original.length === 1) return out.put(replacement, at, at + 1);
  const chars = [...original];
  let [i, start] = [0, at];
  for (const char of replacement) {
    out.put(char, start, start + chars[i]!.length);
    if (i < chars.length - 1) start += chars[i++]!.length;
  }
}

/** Value of the shortest key that begins `key`. The units are Darts-clone's. */
function shortestMatch(trie: Uint32Array, key: Uint8Array): number | undefined {
  let at = offsetOf(trie[0]!);
  for (const byte of key) {
    if (byte === 0) return undefined;
    at ^= byte;
    const unit = trie[at];
    if (unit === undefined || (unit & 0x800000ff) >>> 0 !== byte) return undefined;
    at ^= offsetOf(unit);
    if ((unit & 0x100) !== 0) return trie[at]! & 0x7fffffff;
  }
  return undefined;
}

function offsetOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}
