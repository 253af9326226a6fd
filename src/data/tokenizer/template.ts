// Where the special tokens of a tokenizer stand around one text and around a pair, read off its post-processor.
import type { Tokenizer as Library } from '@huggingface/tokenizers';
import { isJsonObject } from '../json-file.ts';

export type Piece =
  | { readonly of: 'a'; readonly segment: number }
  | { readonly of: 'b'; readonly segment: number }
  | { readonly of: 'special'; readonly id: number; readonly segment: number };

export interface Template {
  readonly pieces: readonly Piece[];
  /** Number of special tokens. */
  readonly specials: number;
}

export interface Templates {
  readonly single: Template;
  readonly pair: Template;
}

/** Stand-ins for the two texts; no vocabulary has tokens that begin with NUL. */
const standInA = '\0a';
const standInB = '\0b';

/**
 * Runs the post-processor once on stand-ins and reads the template off its result.
 * @param processor the `post_processor` object of tokenizer.json
 * @throws Error where a special token has no id
 */
export function readTemplates(library: Library, processor: unknown): Templates {
  // RoBERTa has one segment: Python's RobertaProcessing gives 0 throughout, the JavaScript library 1 to the second text.
  const oneSegment = hasProcessor(processor, 'RobertaProcessing');
  return {
    single: templateOf(library, null, oneSegment),
    pair: templateOf(library, [standInB], oneSegment),
  };
}

function templateOf(library: Library, pair: string[] | null, oneSegment: boolean): Template {
  const result = library.post_processor?.post_process([standInA], pair, true);
  const tokens = [...(result?.tokens ?? [standInA])];
  const segments: number[] = [...(result?.token_type_ids ?? [])];
  if (pair !== null && !tokens.includes(standInB)) tokens.push(standInB); // no post-processor: the texts follow each other
  const pieces = tokens.map((token, i): Piece => {
    const segment = oneSegment ? 0 : (segments[i] ?? 0);
    if (token === standInA) return { of: 'a', segment };
    if (token === standInB) return { of: 'b', segment };
    const id = library.token_to_id(token);
    if (id === undefined) throw new Error(`a post-processor with the special token '${token}' that has no id`);
    return { of: 'special', id, segment };
  });
  return { pieces, specials: pieces.filter((piece) => piece.of === 'special').length };
}

function hasProcessor(processor: unknown, type: string): boolean {
  if (!isJsonObject(processor)) return false;
  if (processor['type'] === type) return true;
  const inner = processor['processors'];
  return Array.isArray(inner) && inner.some((one) => hasProcessor(one, type));
}
