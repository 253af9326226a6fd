// Pre-tokenizers of tokenizer.json: a normalized text to words that still know where they came from.
import { DataError } from '../../errors.ts';
import { AlignedBuilder, sliceAligned, type Aligned } from './aligned.ts';
import { bertPreTokens } from './bert.ts';
import { isJsonObject, stringField, type JsonObject } from '../json-file.ts';
import { librarySteps, type LibraryClass } from './library.ts';
import { prepended } from './normalizer.ts';
import { remembering } from './pieces.ts';

/** @param first whether the text is the beginning of what the user gave */
export type Split = (text: Aligned, first: boolean) => readonly Aligned[];

/** @throws Error for a type that is not known */
export function preTokenizer(library: LibraryClass, settings: unknown): Split {
  if (!isJsonObject(settings)) return (text) => [text];
  switch (settings['type']) {
    case 'BertPreTokenizer':
      return bertPreTokens;
    case 'Sequence':
      return inTurn(listOf(settings['pretokenizers']).map((one) => preTokenizer(library, one)));
    case 'WhitespaceSplit':
      return (text) => matches(text, /\P{White_Space}+/gu);
    case 'Metaspace':
      return metaspace(settings);
    case 'ByteLevel':
      return byteLevel(settings);
    default:
      return bySearch(library, settings);
  }
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function inTurn(splits: readonly Split[]): Split {
  return (text, first) =>
    splits.reduce(
      (words: readonly Aligned[], split) => words.flatMap((word, i) => split(word, first && i === 0)),
      [text],
    );
}

function matches(aligned: Aligned, pattern: RegExp): Aligned[] {
  return Array.from(aligned.text.matchAll(pattern), ({ 0: match, index }) =>
    sliceAligned(aligned, index, index + match.length),
  );
}

/** Spaces become ▁, one is set before the text, and each begins a word (pre_tokenizers/metaspace.rs). */
function metaspace(settings: JsonObject): Split {
  const mark = stringField(settings, 'replacement') ?? '\u2581';
  const scheme =
    stringField(settings, 'prepend_scheme') ?? (settings['add_prefix_space'] === false ? 'never' : 'always');
  const word = new RegExp(`${mark}[^${mark}]*|[^${mark}]+`, 'gu');
  return (aligned, first) => {
    const marked = { ...aligned, text: aligned.text.replaceAll(' ', mark) };
    const prefix = !marked.text.startsWith(mark) && (scheme === 'always' || (scheme === 'first' && first));
    const text = prefix ? prepended(mark, marked) : marked;
    return settings['split'] === false ? [text] : matches(text, word);
  };
}

/** GPT-2's words (pre_tokenizers/byte_level.rs). */
const gpt2 =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

/** GPT-2's 256 characters that stand for bytes: itself where it is visible in Latin-1, else the next from U+0100 on. */
export const byteCharacters = (() => {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCharCode(/[!-~\u00a1-\u00ac\u00ae-\u00ff]/.test(String.fromCharCode(byte)) ? byte : next++),
  );
})();

/** Words as characters that stand for their UTF-8 bytes; each byte stands where its character does. */
function byteLevel(settings: JsonObject): Split {
  const bytesOf = remembering((char) => Array.from(Buffer.from(char), (byte) => byteCharacters[byte]!).join(''));
  const bytesOfWord = (word: Aligned): Aligned => {
    if (visible.test(word.text)) return { ...word, text: word.text.replaceAll(' ', byteCharacters[0x20]!) };
    const out = new AlignedBuilder();
    let at = 0;
    for (const char of word.text) {
      out.put(bytesOf(char), word.starts[at]!, word.ends[at]!);
      at += char.length;
    }
    return out.done();
  };
  return (aligned) => {
    const prefix = settings['add_prefix_space'] !== false && !aligned.text.startsWith(' ');
    const text = prefix ? prepended(' ', aligned) : aligned;
    return (settings['use_regex'] === false ? [text] : matches(text, gpt2)).map(bytesOfWord);
  };
}

/** ASCII whose bytes are written as they are, but for the space. */
const visible = /^[ -~]*$/;

/** The library's words, found again in the text one after the other. */
function bySearch(library: LibraryClass, settings: JsonObject): Split {
  const step = librarySteps(library, { pre_tokenizer: settings }).pre_tokenizer;
  return (aligned) => {
    let at = 0;
    const words: string[] = step?.pre_tokenize(aligned.text) ?? [aligned.text];
    return words.map((word) => {
      const begin = aligned.text.indexOf(word, at);
      if (begin < 0) {
        throw new DataError(
          `tokenizer: expected a pre-tokenizer that splits, found ${String(settings['type'])}, which changes the text`,
        );
      }
      at = begin + word.length;
      return sliceAligned(aligned, begin, at);
    });
  };
}
