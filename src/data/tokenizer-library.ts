// Single steps of @huggingface/tokenizers, for tokenizers that are not BERT's.
import type { Tokenizer as Library } from '@huggingface/tokenizers';
import type { JsonObject } from './json-file.ts';
import type { Pieces } from './tokenizer-pieces.ts';

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
  const { unk_token: unknown, unk_token_id: unknownId, end_of_word_suffix: suffix = '' } = model;
  return (word) => {
    const tokens: string[] = model([word]);
    const lengths = tokens.map((token, i) => (i === tokens.length - 1 ? token.length - suffix.length : token.length));
    if (tokens.includes(unknown ?? '')) stretch(word, tokens, lengths, unknown ?? '');
    return { ids: tokens.map((token) => idOf(model.tokens_to_ids, token, unknownId)), lengths };
  };
}

function idOf(ids: ReadonlyMap<string, number>, token: string, unknown: number | undefined): number {
  const id = ids.get(token) ?? unknown;
  if (id === undefined) throw new Error(`a vocabulary without '${token}' and without an unknown token`);
  return id;
}

/** Gives each unknown token what stands before the next known one. */
function stretch(word: string, tokens: readonly string[], lengths: number[], unknown: string): void {
  let at = 0;
  for (const [i, token] of tokens.entries()) {
    if (token === unknown) {
      const known = tokens.slice(i + 1).find((one) => one !== unknown);
      const next = known === undefined ? word.length : word.indexOf(known, at + 1);
      lengths[i] = (next < 0 ? word.length : next) - at;
    }
    at += lengths[i]!;
  }
}
