// What turns one text into token ids, without special tokens around it.

/** Tokens of one text. */
export interface TextTokens {
  readonly ids: readonly number[];
  /** offsets[2i], offsets[2i + 1]: where token i begins and ends in the text, in UTF-16 units. */
  readonly offsets: readonly number[];
}

export interface TextEncoder {
  ids(text: string): readonly number[];
  tokens(text: string): TextTokens;
}
