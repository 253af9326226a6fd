// The corpus of a vocabulary: texts of one or more files, read as often as wanted and never held.
import type { ColumnNames } from '../../data/columns.ts';
import type { Dataset, Row } from '../../data/dataset.ts';
import { openDataset } from '../../data/open-dataset.ts';
import type { Tokenizer } from '../../data/tokenizer/tokenizer.ts';
import { DataError } from '../../errors.ts';

export interface Corpus {
  readonly files: readonly Dataset[];
  /** Rows of all files. */
  readonly size: number;
}

/** A row and the file it is of. */
export interface CorpusRow {
  readonly row: Row;
  readonly path: string;
}

/** Longer than any text: nothing is cut. */
const unlimited = Number.MAX_SAFE_INTEGER;

/** @param names columns, for files that have columns @throws DataError as `openDataset` */
export async function openCorpus(
  paths: readonly string[],
  names: Pick<ColumnNames, 'text' | 'textPair'>,
): Promise<Corpus> {
  const files: Dataset[] = [];
  // columns are named for files that have some: a line of plain text has none
  for (const path of paths) files.push(await openDataset(path, /\.txt(\.gz)?$/i.test(path) ? {} : names));
  return { files, size: files.reduce((sum, file) => sum + file.size, 0) };
}

/** All rows, file by file. */
export async function* rowsOf({ files }: Corpus): AsyncGenerator<CorpusRow> {
  for (const file of files) for await (const row of file.rows()) yield { row, path: file.path };
}

/** Every text of a row as a model reads it: whole texts, and the words of a tagged sentence one by one. */
export function textsOf({ text, textPair, words = [] }: Row): string[] {
  return [text, ...(textPair === undefined ? [] : [textPair]), ...words];
}

/** Token numbers of a text with its special tokens, uncut. */
export function idsOf(tokenizer: Tokenizer, text: string): Int32Array {
  return tokenizer.encode(text, undefined, unlimited).ids;
}

/**
 * How often each token comes in the corpus.
 * @throws DataError for a token that the table has no row for
 */
export async function countTokens(
  corpus: Corpus,
  tokenizer: Tokenizer,
  rows: number,
  progress: (done: number, total: number) => void,
  signal?: AbortSignal,
): Promise<Float64Array> {
  const counts = new Float64Array(rows);
  let done = 0;
  for await (const { row, path } of rowsOf(corpus)) {
    for (const text of textsOf(row))
      for (const id of idsOf(tokenizer, text)) {
        if (id >= rows)
          throw new DataError(
            `${path} line ${row.line}: expected tokens below ${rows}, the rows of the model's table, found ${id}`,
          );
        counts[id]!++;
      }
    if (++done % 1000 === 0) tick(done, corpus, progress, signal);
  }
  tick(done, corpus, progress, signal);
  return counts;
}

/** What became of the corpus. */
export interface Verified {
  /** Rows with a token that went: they are made of smaller ones now. None with a least count of 1. */
  readonly changed: number;
  /** Rows among them with more unknown tokens than before. */
  readonly unknown: number;
}

/** A tokenizer before and one after. */
export interface Pair {
  readonly before: Tokenizer;
  readonly after: Tokenizer;
  /** New numbers by old ones, of kept tokens. */
  readonly kept: ReadonlyMap<number, number>;
  readonly unknown: number | undefined;
}

/**
 * Tokenizes the corpus before and after. A text whose tokens all stayed must have the same tokens.
 * @param same given each row whose tokens are the same
 * @throws DataError for a text that has others
 */
export async function verifyCorpus(
  corpus: Corpus,
  pair: Pair,
  same: (row: Row) => void,
  progress: (done: number, total: number) => void,
  signal?: AbortSignal,
): Promise<Verified> {
  let [changed, unknown, done] = [0, 0, 0];
  for await (const { row, path } of rowsOf(corpus)) {
    const found = textsOf(row).map((text) => compareText(pair, text, `${path} line ${row.line}`));
    if (found.some((one) => one !== 'same')) changed++;
    else same(row);
    if (found.includes('unknown')) unknown++;
    if (++done % 1000 === 0) tick(done, corpus, progress, signal);
  }
  tick(done, corpus, progress, signal);
  return { changed, unknown };
}

function tick(
  done: number,
  { size }: Corpus,
  progress: (done: number, total: number) => void,
  signal?: AbortSignal,
): void {
  signal?.throwIfAborted();
  progress(done, size);
}

function compareText(
  { before, after, kept, unknown }: Pair,
  text: string,
  where: string,
): 'same' | 'changed' | 'unknown' {
  const old = idsOf(before, text);
  const now = idsOf(after, text);
  if (old.length === now.length && old.every((id, i) => kept.get(id) === now[i])) return 'same';
  if (old.every((id) => kept.has(id))) {
    const show = (tokenizer: Tokenizer, ids: Int32Array): string =>
      Array.from(ids, (id) => tokenizer.tokenOf(id)).join(' ');
    throw new DataError(
      `${where}: expected the tokens ${show(before, old)} after pruning too, found ${show(after, now)}`,
    );
  }
  const count = (ids: Int32Array, id: number | undefined): number => ids.filter((one) => one === id).length;
  const to = unknown === undefined ? undefined : kept.get(unknown);
  return count(now, to) > count(old, unknown) ? 'unknown' : 'changed';
}
