// The vocabulary's part of pruning: corpus -> counts -> tokens that stay -> a folder with fewer tokens, proved on the corpus.
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { loadConfig } from '../../data/config.ts';
import { datasetOf, type Dataset, type Row } from '../../data/dataset.ts';
import { readJsonObject, type JsonObject } from '../../data/json-file.ts';
import { sampler } from '../../data/sample.ts';
import { allTokens, namedTokens, shrinkerOf, shrinkTokenizer } from '../../data/tokenizer/shrink.ts';
import type { Shrinker } from '../../data/tokenizer/shrinker.ts';
import { createTokenizer, loadTokenizer, type Tokenizer } from '../../data/tokenizer/tokenizer.ts';
import { ModelError, UsageError } from '../../errors.ts';
import { sequenceLimit } from '../../evaluate/evaluate.ts';
import { fixedShape, rolesByName } from '../../evaluate/roles.ts';
import { checkGraph } from '../../ir/verify.ts';
import { writeModel } from '../../onnx/write.ts';
import { findVocabulary, keepVocabulary, type Vocabulary } from '../../passes/prune/vocabulary.ts';
import type { Events } from '../events.ts';
import { readKnownModel, type KnownModel } from '../known-model.ts';
import { untouched, type Pruned } from '../prune/works.ts';
import type { RunOptions, Scratch } from '../learn/training.ts';
import { countTokens, openCorpus, verifyCorpus, type Corpus, type Verified } from './corpus.ts';
import { compareExactly } from './exact.ts';
import { companionTexts, namedByFiles } from './files.ts';
import { selectTokens, type Selection } from './select.ts';
import { notesOf, stepOf } from './told.ts';

/** Each is the flag of the same name. */
export interface VocabularyOptions {
  /** Files of texts; their tokens stay. */
  readonly vocabulary: readonly string[];
  /** A file with a token a line, or tokens with commas between. */
  readonly keepTokens?: string | undefined;
  /** Least count of a token of the corpus; default 1. */
  readonly minCount?: number | undefined;
  /** Single characters that stay; default all. */
  readonly characters?: 'all' | 'corpus' | undefined;
  readonly text?: string | undefined;
  readonly textPair?: string | undefined;
  readonly maxLength?: number | undefined;
  readonly seed: number;
}

/** A model with fewer tokens. */
export interface FewerTokens {
  /** Read from a folder in the scratch, complete with its tokenizer. */
  readonly pruned: Pruned;
  /** Files of the given folder that must not be copied. */
  readonly left: ReadonlySet<string>;
  /** Rows of the corpus whose tokens are the same before and after. */
  readonly sample: Dataset;
}

/** Texts that both models are run on. */
const PROVED = 64;

/** Throws UsageError, ModelError, DataError; a corpus that is tokenized otherwise, or outputs that differ, are errors too. */
export async function withFewerTokens(
  given: KnownModel,
  options: VocabularyOptions & RunOptions,
  scratch: Scratch,
  events: Events,
): Promise<FewerTokens> {
  const started = performance.now();
  const vocabulary = findVocabulary(given.model);
  const { folder } = given.path;
  const path = join(folder, 'tokenizer.json');
  const json = await readJsonObject(path);
  const shrinker = shrinkerOf(json);
  const tokens = allTokens(json, shrinker);
  refuseWithoutRows(tokens, vocabulary);
  const corpus = await openCorpus(options.vocabulary, options);
  const selection = await select(given, { vocabulary, json, shrinker, tokens, corpus }, options, events);
  refuseNothing(selection, vocabulary, options.vocabulary);
  const renaming = { tokens, numbers: selection.numbers, json: shrinkTokenizer(json, shrinker, selection.numbers) };
  const { texts, left } = await companionTexts(folder, renaming);
  const known = write(given, keep(given, vocabulary, selection), texts, scratch, events);
  const [before, after] = [await loadTokenizer(folder), await loadTokenizer(known.path.folder)];
  const unknown = shrinker.tokens.get(shrinker.unknown ?? '');
  const pair = { before, after, kept: selection.numbers, unknown };
  const { rows, ...verified } = await verify(corpus, pair, options, events);
  const proof = await prove(given, known, pair, { vocabulary, selection, rows }, options, events);
  const step = stepOf(options, vocabulary, selection, corpus, verified, started);
  const notes = notesOf(given, known, { shrinker, vocabulary, selection, corpus, verified, left, proof });
  const { format, columns } = corpus.files[0]!;
  const name = options.vocabulary.join(', ');
  return {
    // config.json is written from the one in the folder, with what later works change
    pruned: { ...untouched(known), steps: [step], notes, texts: without(texts, 'config.json') },
    left: new Set(left.keys()),
    sample: datasetOf(rows, { path: name, format, columns }),
  };
}

function refuseWithoutRows(tokens: ReadonlyMap<number, string>, { rows }: Vocabulary): void {
  for (const [id, token] of tokens)
    if (id >= rows)
      throw new ModelError(
        `vocabulary: expected a row for each token of tokenizer.json, found ${rows} and '${token}' with the number ${id}`,
      );
}

interface Seen {
  readonly vocabulary: Vocabulary;
  readonly json: JsonObject;
  readonly shrinker: Shrinker;
  readonly tokens: ReadonlyMap<number, string>;
  readonly corpus: Corpus;
}

async function select(
  { path: { folder } }: KnownModel,
  { vocabulary, json, shrinker, tokens, corpus }: Seen,
  options: VocabularyOptions & RunOptions,
  events: Events,
): Promise<Selection> {
  const { minCount = 1, characters = 'all', signal } = options;
  if (!(Number.isSafeInteger(minCount) && minCount >= 1))
    throw new UsageError(`--min-count: expected a whole number from 1, found ${minCount}`);
  const ids = new Map([...tokens].map(([id, token]) => [token, id]));
  const asked = askedFor(options.keepTokens, ids);
  const configPath = join(folder, 'tokenizer_config.json');
  const config = existsSync(configPath) ? await readJsonObject(configPath) : {};
  const tried = new Set<number>();
  const counting = await createTokenizer(join(folder, 'tokenizer.json'), json, config, (found) => {
    for (const id of found) tried.add(id);
  });
  const seen = await countTokens(corpus, counting, vocabulary.rows, events.bar('counting tokens'), signal);
  const named = [...namedTokens(json, shrinker), ...(await namedByFiles(folder, ids)), ...vocabulary.named];
  return selectTokens(shrinker, tokens, { seen, least: minCount, named, asked, tried, characters });
}

/** @throws UsageError for a token that the vocabulary does not have */
function askedFor(keep: string | undefined, ids: ReadonlyMap<string, number>): number[] {
  if (keep === undefined) return [];
  const names = existsSync(keep) ? readFileSync(keep, 'utf8').split(/\r?\n/) : keep.split(',');
  return names
    .filter((name) => name !== '')
    .map((name) => {
      const id = ids.get(name);
      if (id === undefined) throw new UsageError(`--keep-tokens: expected tokens of the vocabulary, found '${name}'`);
      return id;
    });
}

function refuseNothing({ kept }: Selection, { rows }: Vocabulary, files: readonly string[]): void {
  if (kept.length === rows)
    throw new UsageError(
      `--vocabulary: expected a corpus that leaves tokens over, found that ${files.join(', ')} needs all ${rows}`,
    );
}

function keep({ model }: KnownModel, vocabulary: Vocabulary, { kept }: Selection): KnownModel['model'] {
  const smaller = keepVocabulary(model, vocabulary, kept);
  checkGraph(smaller.graph, 'after the vocabulary');
  return smaller;
}

/** Written as a folder, and read back as whoever loads it will. */
function write(
  given: KnownModel,
  model: KnownModel['model'],
  texts: ReadonlyMap<string, string>,
  scratch: Scratch,
  events: Events,
): KnownModel {
  const folder = scratch.folder();
  const path = join(folder, 'model.onnx');
  writeModel(model, path, { progress: events.bar('writing') });
  for (const [file, text] of texts) writeFileSync(join(folder, file), text);
  const pooling = join('1_Pooling', 'config.json');
  if (existsSync(join(given.path.folder, pooling))) {
    mkdirSync(dirname(join(folder, pooling)));
    copyFileSync(join(given.path.folder, pooling), join(folder, pooling));
  }
  return readKnownModel(folder);
}

/** Tokenizes the corpus before and after; `rows` are some whose tokens are the same, spread over it. */
async function verify(
  corpus: Corpus,
  pair: Parameters<typeof verifyCorpus>[1],
  { seed, signal }: VocabularyOptions & RunOptions,
  events: Events,
): Promise<Verified & { readonly rows: readonly Row[] }> {
  const rows: Row[] = [];
  const takes = sampler(PROVED, corpus.size, seed);
  const take = (row: Row): void => {
    if (takes()) rows.push(row);
  };
  const verified = await verifyCorpus(corpus, pair, take, events.bar('tokenizing again'), signal);
  return { ...verified, rows };
}

function without(texts: ReadonlyMap<string, string>, name: string): Map<string, string> {
  return new Map([...texts].filter(([file]) => file !== name));
}

/** Both models on the same texts. @throws ModelError where an output differs in a bit */
async function prove(
  given: KnownModel,
  known: KnownModel,
  { before, after }: { readonly before: Tokenizer; readonly after: Tokenizer },
  {
    vocabulary,
    selection,
    rows,
  }: { readonly vocabulary: Vocabulary; readonly selection: Selection; readonly rows: readonly Row[] },
  options: VocabularyOptions & RunOptions,
  events: Events,
): Promise<string> {
  const roles = given.roles ?? rolesByName(given.inputs);
  const config = await loadConfig(given.path.folder);
  const maxLength = sequenceLimit({
    asked: options.maxLength,
    fixed: fixedShape(given.inputs, roles),
    config,
    tokenizer: before,
  });
  const sides = [
    { onnxPath: given.path.onnxPath, tokenizer: before },
    { onnxPath: known.path.onnxPath, tokenizer: after },
  ] as const;
  const { texts, equal, parity } = await compareExactly(rows, sides, selection.kept, vocabulary.outputs, {
    ...options,
    roles,
    maxLength,
    progress: events.bar('proving'),
  });
  if (!equal)
    throw new ModelError(
      `vocabulary: expected outputs on ${texts} texts of the corpus that are equal bit by bit, found differences up to ${parity?.maxAbs ?? 'unknown'}`,
    );
  return `outputs on ${texts} texts of the corpus are equal bit by bit`;
}
