// The encoder that @huggingface/tokenizers gives for any tokenizer.json, and where its tokens stand in the text.
import type { Tokenizer as Library } from '@huggingface/tokenizers';
import type { TextEncoder } from './tokenizer-text.ts';
import type { JsonObject } from './json-file.ts';
import { bertRepair } from './tokenizer-repair.ts';

export function libraryEncoder(library: Library, json: JsonObject): TextEncoder {
  const repair = bertRepair(json['normalizer']);
  return {
    ids: (text) => library.encode(repair(text), { add_special_tokens: false }).ids,
    tokens(text) {
      const { ids, tokens } = library.encode(repair(text), { add_special_tokens: false });
      const lower = text.toLowerCase();
      const offsets: number[] = [];
      let at = 0;
      for (const token of tokens) {
        const surface = token.replace(/^(##|[Ġ▁])/, '').toLowerCase();
        const found = lower.indexOf(surface, at);
        const begin = found < 0 ? at : found;
        at = found < 0 ? at : found + surface.length;
        offsets.push(begin, at);
      }
      return { ids, offsets };
    },
  };
}
