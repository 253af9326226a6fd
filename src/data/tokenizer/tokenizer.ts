// Text to token ids as Python's tokenizers do it: `tokenizer.json` by @huggingface/tokenizers, truncation and template here.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tokenizer as Library } from '@huggingface/tokenizers';
import { DataError } from '../../errors.ts';
import { integerField, isJsonObject, messageOf, readJsonObject, stringField, type JsonObject } from '../json-file.ts';
import { encodings } from './encodings.ts';
import { fingerprintOf } from './fingerprint.ts';
import { readTemplates, type Templates } from './template.ts';
import { textEncoder, type TextEncoder } from './text.ts';

/** Token ids of one text or pair with its special tokens, and the segment of each token. */
export interface Encoding {
  readonly ids: Int32Array;
  readonly segments: Uint8Array;
}

/** Tokens of a text that is split into words already. */
export interface WordsEncoding {
  readonly encoding: Encoding;
  /** starts[w]: index in ids of the first token of word w, -1 where truncation cut it off or the word has no token. */
  readonly starts: Int32Array;
}

/** One window of a long context behind its question. */
export interface WindowEncoding {
  readonly encoding: Encoding;
  /**
   * offsets[2i], offsets[2i + 1]: where token i begins and ends in the context, in UTF-16 units; -1 for tokens that are
   * not of the context.
   */
  readonly offsets: Int32Array;
}

export interface Tokenizer {
  /**
   * @param pair second text, or undefined
   * @param maxLength most tokens, special tokens counted; the texts are cut as Python's 'longest_first' cuts them
   * @throws DataError where maxLength leaves no room beside the special tokens
   */
  encode(text: string, pair: string | undefined, maxLength: number): Encoding;
  /**
   * Words encoded one by one, as Python's is_split_into_words=True does it.
   * @param maxLength most tokens, special tokens counted
   * @throws DataError where maxLength leaves no room beside the special tokens
   */
  encodeWords(words: readonly string[], maxLength: number): WordsEncoding;
  /**
   * A question before a long context, the context cut into overlapping windows, as Python's truncation='only_second'
   * with `stride`, return_overflowing_tokens and return_offsets_mapping.
   * @param maxLength most tokens of a window, special tokens and question counted
   * @param stride tokens that a window shares with the one before
   * @throws DataError where the question leaves no more than `stride` tokens of room to a context that needs cutting
   */
  encodeWindows(question: string, context: string, maxLength: number, stride: number): readonly WindowEncoding[];
  readonly padId: number;
  readonly padSide: 'left' | 'right';
  /** `model_max_length` of the tokenizer's config, where that is a real limit. */
  readonly maxLength?: number;
  readonly vocabularySize: number;
  /** Id of the mask token where there is one. */
  readonly maskId?: number;
  /** Ids of special tokens. */
  readonly specialIds: ReadonlySet<number>;
  tokenOf(id: number): string | undefined;
  /**
   * SHA-256 of what decides the ids: tokenizer.json without truncation, padding and decoder, and the settings of
   * tokenizer_config.json that matter. Two models tokenize alike where it is the same.
   */
  readonly fingerprint: string;
}

/** Configs say "no limit" with numbers such as 1e30; nothing real is longer than this many tokens. */
const sanestLength = 1_000_000;

/**
 * Loads `tokenizer.json` (required) and `tokenizer_config.json` (optional) of a model folder. Truncation and padding
 * settings inside tokenizer.json are left aside: the caller decides.
 * @throws DataError naming the file that is missing or broken
 */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  const path = join(folder, 'tokenizer.json');
  const json = await readJsonObject(path);
  const configPath = join(folder, 'tokenizer_config.json');
  const config = (await exists(configPath)) ? await readJsonObject(configPath) : {};
  return createTokenizer(path, json, config);
}

/**
 * As `loadTokenizer`, from the two objects; `path` names the first in messages.
 * @param tried told, for each word that became unknown, the tokens that WordPiece had found in it before
 */
export async function createTokenizer(
  path: string,
  json: JsonObject,
  config: JsonObject,
  tried?: (ids: readonly number[]) => void,
): Promise<Tokenizer> {
  const { Tokenizer: LibraryTokenizer } = await import('@huggingface/tokenizers');
  let library: Library;
  let templates: Templates;
  let encoder: TextEncoder;
  try {
    library = new LibraryTokenizer(json, config);
    templates = readTemplates(library, json['post_processor']);
    encoder = textEncoder(LibraryTokenizer, library, json, tried);
  } catch (error) {
    throw new DataError(`${path}: expected a tokenizer, found ${messageOf(error)}`, { cause: error });
  }
  const maxLength = integerField(config, 'model_max_length');
  const maskId = maskIdOf(config, library);
  let fingerprint: string | undefined;
  return {
    ...encodings(encoder, templates, stringField(config, 'truncation_side') === 'left' ? 'left' : 'right'),
    padId: padIdOf(json, config, library),
    padSide: stringField(config, 'padding_side') === 'left' ? 'left' : 'right',
    ...(maxLength === undefined || maxLength > sanestLength ? {} : { maxLength }),
    vocabularySize: library.get_vocab().size,
    ...(maskId === undefined ? {} : { maskId }),
    specialIds: specialIdsOf(json, templates, maskId),
    tokenOf: (id) => library.id_to_token(id),
    get fingerprint() {
      return (fingerprint ??= fingerprintOf(json, config, templates));
    },
  };
}

/** Id of the mask token: named by the config, else a token of the usual name. */
function maskIdOf(config: JsonObject, library: Library): number | undefined {
  const name = tokenName(config, 'mask_token');
  const names = name === undefined ? ['[MASK]', '<mask>'] : [name];
  return names.map((one) => library.token_to_id(one)).find((id) => id !== undefined);
}

/** Tokens that tokenizer.json calls special, and those that stand around texts or for a masked one. */
function specialIdsOf(json: JsonObject, templates: Templates, maskId: number | undefined): ReadonlySet<number> {
  const ids = new Set<number>(maskId === undefined ? [] : [maskId]);
  for (const token of Array.isArray(json['added_tokens']) ? json['added_tokens'] : []) {
    if (!isJsonObject(token) || token['special'] !== true) continue;
    const id = integerField(token, 'id');
    if (id !== undefined) ids.add(id);
  }
  for (const piece of [...templates.single.pieces, ...templates.pair.pieces])
    if (piece.of === 'special') ids.add(piece.id);
  return ids;
}

/** A special token of tokenizer_config.json: a string, or an object with its content. */
function tokenName(config: JsonObject, field: string): string | undefined {
  const named = config[field];
  return isJsonObject(named) ? stringField(named, 'content') : stringField(config, field);
}

/** Id of the padding token: named by the config, else in tokenizer.json's padding, else a token of the usual name, else 0. */
function padIdOf(json: JsonObject, config: JsonObject, library: Library): number {
  const name = tokenName(config, 'pad_token');
  const padding = json['padding'];
  const candidates = [
    name === undefined ? undefined : library.token_to_id(name),
    isJsonObject(padding) ? integerField(padding, 'pad_id') : undefined,
    library.token_to_id('[PAD]'),
    library.token_to_id('<pad>'),
  ];
  return candidates.find((id) => id !== undefined) ?? 0;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
