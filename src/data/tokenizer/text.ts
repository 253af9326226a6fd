// Text to token ids and their places in it, without special tokens around: added tokens, normalizer, words, pieces.
import type { Tokenizer as Library } from '@huggingface/tokenizers';
import { sliceAligned, type Aligned } from './aligned.ts';
import { addedTokens, type AddedTokens } from './added.ts';
import { bertRuns } from './bert.ts';
import { isJsonObject, type JsonObject } from '../json-file.ts';
import { libraryPieces, type LibraryClass } from './library.ts';
import { alignedNormalizer } from './normalizer.ts';
import { trimmedOffsets } from './offsets.ts';
import { remembering, type Pieces } from './pieces.ts';
import { wordPiece } from './word-piece.ts';
import { preTokenizer, type Split } from './words.ts';

/** Tokens of one text. */
export interface TextTokens {
  readonly ids: number[];
  /** offsets[2i], offsets[2i + 1]: where token i begins and ends in the text, in UTF-16 units. */
  readonly offsets: number[];
}

export type TextEncoder = (text: string) => TextTokens;

/** The steps between added tokens and ids. */
interface Steps {
  readonly normalize: (text: string) => Aligned;
  readonly split: Split;
  readonly pieces: (word: string) => Pieces;
}

/**
 * The encoder of a tokenizer.json. Added tokens, normalizers, the usual pre-tokenizers and WordPiece are done here, since
 * they must know where characters come from; BPE, Unigram and rarer steps are those of @huggingface/tokenizers.
 * @param tried as `wordPiece` takes it
 * @throws Error for a part that neither knows
 */
export function textEncoder(
  Class: LibraryClass,
  library: Library,
  json: JsonObject,
  tried?: (ids: readonly number[]) => void,
): TextEncoder {
  const normalize = alignedNormalizer(Class, json['normalizer']);
  const added = addedTokens(json, (text) => normalize(text).text);
  const { normalizer, pre_tokenizer: splitter, model } = json;
  const pieces = isWordPiece(model) ? wordPiece(model, tried) : libraryPieces(library);
  const steps = { normalize, split: preTokenizer(Class, splitter), pieces };
  if (
    isOfType(normalizer, 'BertNormalizer') &&
    isOfType(splitter, 'BertPreTokenizer') &&
    added.normalized === undefined
  ) {
    return encodeByRuns(steps, added, normalizer);
  }
  const encode = encodeBySections({ ...steps, pieces: remembering(pieces) }, added);
  return trimmedOffsets(json['post_processor'], (id) => library.id_to_token(id), added.ids, encode);
}

function isOfType(value: unknown, type: string): value is JsonObject {
  return isJsonObject(value) && value['type'] === type;
}

/** Files before tokenizers 0.20 do not always name the type of the model. */
function isWordPiece(model: unknown): model is JsonObject {
  if (!isJsonObject(model)) return false;
  const { type, vocab, merges, continuing_subword_prefix: prefix } = model;
  return (
    type === 'WordPiece' || (type === undefined && isJsonObject(vocab) && merges === undefined && prefix !== undefined)
  );
}

/** BERT: what stands between white space is encoded once and remembered. */
function encodeByRuns(steps: Steps, added: AddedTokens, normalizer: JsonObject): TextEncoder {
  const eachRun = bertRuns(normalizer);
  const encodeRun = remembering((run) => {
    const tokens: TextTokens = { ids: [], offsets: [] };
    encodeAligned(steps, steps.normalize(run), false, 0, tokens);
    return tokens;
  });
  return (text) => {
    const tokens: TextTokens = { ids: [], offsets: [] };
    for (const { begin, end, id } of added.raw(text)) {
      if (id !== undefined) {
        tokens.ids.push(id);
        tokens.offsets.push(begin, end);
        continue;
      }
      eachRun(text, begin, end, (from, to) => {
        const { ids, offsets } = encodeRun(text.slice(from, to));
        for (let i = 0; i < ids.length; i++) {
          tokens.ids.push(ids[i]!);
          tokens.offsets.push(from + offsets[2 * i]!, from + offsets[2 * i + 1]!);
        }
      });
    }
    return tokens;
  };
}

/** Any other tokenizer: the text between added tokens is normalized as a whole. */
function encodeBySections(steps: Steps, added: AddedTokens): TextEncoder {
  return (text) => {
    const tokens: TextTokens = { ids: [], offsets: [] };
    for (const { begin, end, id } of added.raw(text)) {
      if (id !== undefined) {
        tokens.ids.push(id);
        tokens.offsets.push(begin, end);
        continue;
      }
      const aligned = steps.normalize(text.slice(begin, end));
      for (const part of added.normalized?.(aligned.text) ?? [{ begin: 0, end: aligned.text.length }]) {
        if (part.end === part.begin) continue;
        if (part.id === undefined) {
          const first = begin === 0 && part.begin === 0;
          encodeAligned(steps, sliceAligned(aligned, part.begin, part.end), first, begin, tokens);
        } else {
          tokens.ids.push(part.id);
          tokens.offsets.push(begin + aligned.starts[part.begin]!, begin + aligned.ends[part.end - 1]!);
        }
      }
    }
    return tokens;
  };
}

/** @param origin where the text that `aligned` came from begins in what the user gave */
function encodeAligned(steps: Steps, aligned: Aligned, first: boolean, origin: number, tokens: TextTokens): void {
  for (const word of steps.split(aligned, first)) {
    const { ids, lengths } = steps.pieces(word.text);
    let at = 0;
    for (let i = 0; i < ids.length; i++) {
      const end = Math.min(at + lengths[i]!, word.text.length);
      tokens.ids.push(ids[i]!);
      tokens.offsets.push(origin + (word.starts[at] ?? 0), origin + (word.ends[Math.max(at, end - 1)] ?? 0));
      at = end;
    }
  }
}
