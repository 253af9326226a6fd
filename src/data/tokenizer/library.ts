// Single steps of @huggingface/tokenizers, for tokenizers that are not BERT's.
import type { Tokenizer as Library } from '@huggingface/tokenizers';
import { DataError } from '../../errors.ts';
import type { JsonObject } from '../json-file.ts';
import type { Pieces } from './pieces.ts';

export type LibraryClass = typeof Library;

/**
 * The library's version of one normalizer or pre-tokenizer, in a tokenizer that has nothing else.
 * @throws Error for a type that it does not know
 */
export function librarySteps(
  library: LibraryClass,
  steps: { normalizer?: JsonObject; pre_tokenizer?: JsonObject },
): Library {
  const nothing = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null, added_tokens: [] };
  const model = { type: 'WordPiece', vocab: {}, unk_token: '', continuing_subword_prefix: '' };
  return new library({ ...nothing, model, ...steps }, {});
}

/** Tokens of a word by the library's model (BPE, Unigram, WordPiece). */
export function libraryPieces(library: Library): (word: string) => Pieces {
  const model = library.model;
  if (model === null) throw new Error('a tokenizer without a model');
  const { unk_token: unknown, unk_token_id: unknownId } = model;
  const suffix = model.end_of_word_suffix ?? '';
  return (word) => {
    const tokens: string[] = model([word]);
    const lengths = tokens.map((token, i) => (i === tokens.length - 1 ? token.length - suffix.length : token.length));
    if (tokens.includes(unknown ?? '')) stretch(word, tokens, lengths, unknown ?? '', model.fuse_unk);
    return { ids: tokens.map((token) => idOf(model.tokens_to_ids, token, unknownId)), lengths };
  };
}

function idOf(ids: ReadonlyMap<string, number>, token: string, unknown: number | undefined): number {
  const id = ids.get(token) ?? unknown;
  if (id === undefined)
    throw new DataError(`tokenizer: expected '${token}' or an unknown token in the vocabulary, found neither`);
  return id;
}

/**
 * Gives an unknown token the character it stands for; where unknown ones are fused, all up to the next known one.
 * @param lengths changed in place
 */
function stretch(word: string, tokens: readonly string[], lengths: number[], unknown: string, fused: boolean): void {
  let at = 0;
  for (const [i, token] of tokens.entries()) {
    if (token === unknown) {
      const known = fused ? tokens[i + 1] : undefined;
      const next = fused ? (known === undefined ? -1 : word.indexOf(known, at + 1)) : at + charAt(word, at).length;
      lengths[i] = (next < 0 ? word.length : next) - at;
    }
    at += lengths[i]!;
  }
}

function charAt(text: string, at: number): string {
  return at < text.length ? String.fromCodePoint(text.codePointAt(at)!) : '';
}
