// Text to token ids as Python's tokenizers do it: `tokenizer.json` by @huggingface/tokenizers, truncation and template here.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tokenizer as Library } from '@huggingface/tokenizers';
import { DataError } from '../errors.ts';
import { integerField, isJsonObject, messageOf, readJsonObject, stringField, type JsonObject } from './json-file.ts';
import { bertRepair } from './tokenizer-repair.ts';
import { readTemplates, type Template, type Templates } from './tokenizer-template.ts';
import { longestFirst } from './truncation.ts';

/** Token ids of one text or pair with its special tokens, and the segment of each token. */
export interface Encoding {
  readonly ids: Int32Array;
  readonly segments: Uint8Array;
}

export interface Tokenizer {
  /**
   * @param pair second text, or undefined
   * @param maxLength most tokens, special tokens counted; the texts are cut as Python's 'longest_first' cuts them
   * @throws DataError where maxLength leaves no room beside the special tokens
   */
  encode(text: string, pair: string | undefined, maxLength: number): Encoding;
  readonly padId: number;
  readonly padSide: 'left' | 'right';
  /** `model_max_length` of the tokenizer's config, where that is a real limit. */
  readonly maxLength?: number;
  readonly vocabularySize: number;
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

/** As `loadTokenizer`, from the two objects; `path` names the first in messages. */
export async function createTokenizer(path: string, json: JsonObject, config: JsonObject): Promise<Tokenizer> {
  const { Tokenizer: LibraryTokenizer } = await import('@huggingface/tokenizers');
  let library: Library;
  let templates: Templates;
  try {
    library = new LibraryTokenizer(json, config);
    templates = readTemplates(library, json['post_processor']);
  } catch (error) {
    throw new DataError(`${path}: expected a tokenizer, found ${messageOf(error)}`, { cause: error });
  }
  const maxLength = integerField(config, 'model_max_length');
  const repair = bertRepair(json['normalizer']);
  const cut = stringField(config, 'truncation_side') === 'left' ? takeLast : takeFirst;
  const idsOf = (text: string): number[] => library.encode(repair(text), { add_special_tokens: false }).ids;
  return {
    padId: padIdOf(json, config, library),
    padSide: stringField(config, 'padding_side') === 'left' ? 'left' : 'right',
    ...(maxLength === undefined || maxLength > sanestLength ? {} : { maxLength }),
    vocabularySize: library.get_vocab().size,
    encode(text, pair, limit) {
      const template = pair === undefined ? templates.single : templates.pair;
      const room = limit - template.specials;
      if (room < 1) throw new DataError(`length: expected more than ${template.specials} tokens, found ${limit}`);
      const a = idsOf(text);
      const b = pair === undefined ? [] : idsOf(pair);
      const [keepA, keepB] = longestFirst(a.length, b.length, room);
      return fillTemplate(template, cut(a, keepA), cut(b, keepB));
    },
  };
}

function fillTemplate(template: Template, a: readonly number[], b: readonly number[]): Encoding {
  const length = template.specials + a.length + b.length;
  const ids = new Int32Array(length);
  const segments = new Uint8Array(length);
  let at = 0;
  for (const piece of template.pieces) {
    const part = piece.of === 'a' ? a : piece.of === 'b' ? b : [piece.id];
    ids.set(part, at);
    segments.fill(piece.segment, at, at + part.length);
    at += part.length;
  }
  return { ids, segments };
}

function takeFirst(ids: number[], count: number): number[] {
  return ids.length > count ? ids.slice(0, count) : ids;
}

function takeLast(ids: number[], count: number): number[] {
  return ids.length > count ? ids.slice(ids.length - count) : ids;
}

/** Id of the padding token: named by the config, else in tokenizer.json's padding, else a token of the usual name, else 0. */
function padIdOf(json: JsonObject, config: JsonObject, library: Library): number {
  const named = config['pad_token'];
  const name = isJsonObject(named) ? stringField(named, 'content') : stringField(config, 'pad_token');
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
