// Normalizers of tokenizer.json that know where each character came from.
import { AlignedBuilder, identity, sliceAligned, type Aligned } from './aligned.ts';
import { bertNormalizer } from './bert.ts';
import { isJsonObject, stringField, type JsonObject } from '../json-file.ts';
import { librarySteps, type LibraryClass } from './library.ts';
import { precompiled } from './precompiled.ts';
import { characterClasses, Class, young } from './unicode.ts';

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
      return normalForm(String(normalizer['type']));
    case 'Lowercase':
      return byCharacters((char) => char.toLowerCase());
    case 'StripAccents':
      return byCharacters((char) => (isCombining(char) ? '' : char));
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
      return step === null ? identity : byCharacters((char) => step.normalize(char));
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

function isCombining(char: string): boolean {
  return (characterClasses()[char.codePointAt(0)!]! & Class.combining) !== 0;
}

/**
 * A normal form of Unicode. Characters are decomposed one by one, then put in order and composed as a whole; each result
 * stands where the first of the characters it is made of does.
 */
function normalForm(form: string): Normalize {
  const decomposition = form.replace('C', 'D');
  const letters = (char: string): string => (young.test(char) ? char : char.normalize(decomposition));
  return (text) => {
    const parts = byCharacters(letters)(text);
    const out = new AlignedBuilder();
    let at = 0;
    for (const char of parts.text.normalize(form === decomposition ? 'NFD' : 'NFC')) {
      const last = parts.starts.length - 1;
      out.put(char, parts.starts[Math.min(at, last)]!, parts.ends[Math.min(at, last)]!);
      at += young.test(char) ? char.length : char.normalize('NFD').length;
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
    if (text.search(pattern) < 0) return aligned;
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
