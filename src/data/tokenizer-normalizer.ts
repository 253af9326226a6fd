// Normalizers of tokenizer.json that know where each character came from.
import { AlignedBuilder, identity, sliceAligned, type Aligned } from './tokenizer-aligned.ts';
import { bertNormalizer } from './tokenizer-bert.ts';
import { isJsonObject, stringField, type JsonObject } from './json-file.ts';
import { librarySteps, type LibraryClass } from './tokenizer-library.ts';
import { precompiled } from './tokenizer-precompiled.ts';

type Normalize = (text: string) => Aligned;

/**
 * @param normalizer the `normalizer` object of tokenizer.json, or null
 * @throws Error for a type that is not known
 */
export function alignedNormalizer(library: LibraryClass, normalizer: unknown): Normalize {
  if (!isJsonObject(normalizer)) return identity;
  switch (normalizer['type']) {
    case 'BertNormalizer':
      return bertNormalizer(normalizer);
    case 'Sequence':
      return inTurn(listOf(normalizer['normalizers']).map((one) => alignedNormalizer(library, one)));
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD':
      return byClusters((text) => text.normalize(String(normalizer['type'])));
    case 'Lowercase':
      return byCharacters((char) => char.toLowerCase());
    case 'StripAccents':
      return byCharacters((char) => char.replace(/\p{M}/u, ''));
    case 'Precompiled':
      return precompiled(stringField(normalizer, 'precompiled_charsmap') ?? '');
    case 'Prepend':
      return prepend(stringField(normalizer, 'prepend') ?? '');
    case 'Strip':
      return strip(normalizer);
    case 'Replace':
      return replace(librarySteps(library, { normalizer }), normalizer);
    default: {
      const step = librarySteps(library, { normalizer }).normalizer;
      return step === null ? identity : byClusters((text) => step.normalize(text));
    }
  }
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** One normalizer after the other; places are followed back through all of them. */
function inTurn(normalizers: readonly Normalize[]): Normalize {
  return (text) =>
    normalizers.reduce((before: Aligned, normalize) => {
      const after = normalize(before.text);
      return {
        text: after.text,
        starts: Array.from(after.starts, (at) => before.starts[at]!),
        ends: Array.from(after.ends, (at) => before.ends[at - 1]!),
      };
    }, identity(text));
}

function byCharacters(change: (char: string) => string): Normalize {
  return (text) => {
    const out = new AlignedBuilder();
    let at = 0;
    for (const char of text) {
      out.put(change(char), at, at + char.length);
      at += char.length;
    }
    return out.done();
  };
}

/** A character with the marks behind it, or a syllable of Hangul letters: what normal forms do not look beyond. */
const cluster = /[\u1100-\u115f\uac00-\ud7a3][\u1160-\u11ff]*|[^]\p{M}*/gu;

/** Characters of a cluster stand for those it had one by one where they are as many, else each for all. */
function byClusters(normalize: (text: string) => string): Normalize {
  return (text) => {
    const out = new AlignedBuilder();
    for (const { 0: before, index } of text.matchAll(cluster)) {
      const after = normalize(before);
      if (after === before) {
        let at = index;
        for (const char of before) out.put(char, at, (at += char.length));
      } else out.put(after, index, index + before.length);
    }
    return out.done();
  };
}

function prepend(prefix: string): Normalize {
  return (text) => {
    const aligned = identity(text);
    return text === '' ? aligned : prepended(prefix, aligned);
  };
}

/** A prefix stands where the first character does. */
export function prepended(prefix: string, { text, starts, ends }: Aligned): Aligned {
  const repeat = (place: number | undefined): number[] => Array.from(prefix, () => place ?? 0);
  return {
    text: prefix + text,
    starts: [...repeat(starts[0]), ...Array.from(starts)],
    ends: [...repeat(ends[0]), ...Array.from(ends)],
  };
}

function strip(normalizer: JsonObject): Normalize {
  const before = /^\p{White_Space}+/u;
  const behind = /\p{White_Space}+$/u;
  return (text) => {
    const begin = normalizer['strip_left'] === true ? (before.exec(text)?.[0].length ?? 0) : 0;
    const end = normalizer['strip_right'] === true ? (behind.exec(text)?.index ?? text.length) : text.length;
    return sliceAligned(identity(text), Math.min(begin, end), end);
  };
}

/** Every match of the pattern by the content, which stands where the last character of the match stood. */
function replace(step: { normalizer: unknown }, normalizer: JsonObject): Normalize {
  const pattern = patternOf(step.normalizer, normalizer);
  const content = stringField(normalizer, 'content') ?? '';
  return (text) => {
    const aligned = identity(text);
    const out = new AlignedBuilder();
    let at = 0;
    const copyTo = (end: number): void => {
      for (; at < end; at++) out.put(text[at]!, aligned.starts[at]!, aligned.ends[at]!);
    };
    for (const match of text.matchAll(pattern)) {
      copyTo(match.index);
      at += match[0].length;
      if (match[0].length > 0) out.put(content, aligned.starts[at - 1]!, aligned.ends[at - 1]!);
    }
    copyTo(text.length);
    return out.done();
  };
}

/** The library's JavaScript version of an Oniguruma expression. */
function patternOf(step: unknown, normalizer: JsonObject): RegExp {
  if (typeof step === 'function' && 'pattern' in step && step.pattern instanceof RegExp) return step.pattern;
  throw new Error(`a Replace normalizer with the pattern ${JSON.stringify(normalizer['pattern'])}`);
}
