// The files beside a model that name tokens or their numbers, for a smaller vocabulary.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { integerField, isJsonObject, readJsonObject, stringField, type JsonObject } from '../../data/json-file.ts';

/** A tokenizer before and after. */
export interface Renaming {
  /** Tokens by their old numbers. */
  readonly tokens: ReadonlyMap<number, string>;
  /** New numbers by old ones, of kept tokens. */
  readonly numbers: ReadonlyMap<number, number>;
  /** tokenizer.json after. */
  readonly json: JsonObject;
}

export interface CompanionTexts {
  /** By the file's name in the folder. */
  readonly texts: ReadonlyMap<string, string>;
  /** Files that would tell the old vocabulary, and why they cannot be rewritten. */
  readonly left: ReadonlyMap<string, string>;
}

const configs = ['config.json', 'generation_config.json', 'tokenizer_config.json'];
/** SentencePiece's own files of the vocabulary: tokenizer.json has all that is in them. */
const sentencePiece = ['sentencepiece.bpe.model', 'spiece.model', 'tokenizer.model'];

/** Token numbers that the configurations of a folder name, and tokens that they and special_tokens_map.json name. */
export async function namedByFiles(folder: string, ids: ReadonlyMap<string, number>): Promise<Set<number>> {
  const named = new Set<number>();
  for (const file of [...configs, 'special_tokens_map.json']) {
    if (!existsSync(join(folder, file))) continue;
    const object = await readJsonObject(join(folder, file));
    renumberedConfig(object, (id) => (named.add(id), id));
    for (let id = paddingOf(object) - 1; id >= 0; id--) named.add(id);
    for (const name of tokenNames(object)) {
      const id = ids.get(name);
      if (id !== undefined) named.add(id);
    }
  }
  return named;
}

/** Later padding numbers are of families that do not count from them. */
const LAST_COUNTED_FROM = 8;

/** RoBERTa and its kin count positions from the padding number, so that it must stay: the few tokens before it do too. */
function paddingOf(config: JsonObject): number {
  const id = integerField(config, 'pad_token_id') ?? 0;
  return id > LAST_COUNTED_FROM ? 0 : id;
}

/** pad_token, additional_special_tokens …: a string, or an object with its content. */
function tokenNames(object: JsonObject): string[] {
  return Object.entries(object)
    .filter(([field]) => /_tokens?$/.test(field))
    .flatMap(([, value]) => (Array.isArray(value) ? value : [value]))
    .flatMap((token: unknown) =>
      typeof token === 'string' ? [token] : isJsonObject(token) ? [stringField(token, 'content') ?? ''] : [],
    );
}

/** pad_token_id, eos_token_id … (a number or several) and the keys of added_tokens_decoder. */
function renumberedConfig(config: JsonObject, to: (id: number) => number): Record<string, unknown> {
  const change = (id: unknown): unknown => (typeof id === 'number' && id >= 0 ? to(id) : id);
  const out: Record<string, unknown> = { ...config };
  for (const [field, value] of Object.entries(config)) {
    if (/_token_ids?$/.test(field)) out[field] = Array.isArray(value) ? value.map(change) : change(value);
    if (field === 'added_tokens_decoder' && isJsonObject(value))
      out[field] = Object.fromEntries(Object.entries(value).map(([id, token]) => [String(to(Number(id))), token]));
  }
  return out;
}

/** @throws DataError for a file that is no JSON object */
export async function companionTexts(folder: string, renaming: Renaming): Promise<CompanionTexts> {
  const texts = new Map([['tokenizer.json', jsonText(renaming.json)]]);
  const left = new Map<string, string>();
  const there = (file: string): boolean => existsSync(join(folder, file));
  for (const file of configs.filter(there)) {
    const config = renumberedConfig(await readJsonObject(join(folder, file)), (id) => renaming.numbers.get(id) ?? id);
    texts.set(file, jsonText(file === 'config.json' ? { ...config, vocab_size: renaming.numbers.size } : config));
  }
  const others: Record<string, () => string | undefined | Promise<string | undefined>> = {
    'vocab.txt': () => vocabTxt(readFileSync(join(folder, 'vocab.txt'), 'utf8'), renaming),
    'vocab.json': async () => numbersJson(await readJsonObject(join(folder, 'vocab.json')), renaming),
    'added_tokens.json': async () => numbersJson(await readJsonObject(join(folder, 'added_tokens.json')), renaming),
    'merges.txt': () => mergesTxt(readFileSync(join(folder, 'merges.txt'), 'utf8'), renaming.json),
  };
  for (const [file, rewrite] of Object.entries(others)) {
    const text = there(file) ? await rewrite() : undefined;
    if (text !== undefined) texts.set(file, text);
    else if (there(file)) left.set(file, 'it does not say what tokenizer.json says');
  }
  for (const file of sentencePiece.filter(there)) left.set(file, 'tokenizer.json has all that is in it');
  return { texts, left };
}

function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** A token a line, its number that of the line. */
function vocabTxt(text: string, { tokens, numbers }: Renaming): string | undefined {
  const lines = text.replace(/\r?\n$/, '').split(/\r?\n/);
  if (lines.some((line, id) => tokens.get(id) !== line)) return undefined;
  return `${lines.filter((_, id) => numbers.has(id)).join('\n')}\n`;
}

/** Numbers by token. */
function numbersJson(object: JsonObject, { tokens, numbers }: Renaming): string | undefined {
  const entries = Object.entries(object);
  if (entries.some(([token, id]) => typeof id !== 'number' || tokens.get(id) !== token)) return undefined;
  const kept = entries.flatMap(([token, id]) => {
    const to = numbers.get(Number(id));
    return to === undefined ? [] : [[token, to] as const];
  });
  return jsonText(Object.fromEntries(kept));
}

/** The merges of tokenizer.json, a line each, under the file's own first line. */
function mergesTxt(text: string, { model }: JsonObject): string | undefined {
  const merges: unknown = isJsonObject(model) ? model['merges'] : undefined;
  if (!Array.isArray(merges)) return undefined;
  const [head = ''] = text.split(/\r?\n/, 1);
  const lines = merges.map((merge: unknown) => (Array.isArray(merge) ? merge.join(' ') : String(merge)));
  return `${[...(head.startsWith('#') ? [head] : []), ...lines].join('\n')}\n`;
}
