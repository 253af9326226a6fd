// The rows of `train`: read, cleaned, de-duplicated and split, with a note on all that was left out.
import type { ColumnNames } from '../../data/columns.ts';
import { datasetOf, type Dataset, type Row } from '../../data/dataset.ts';
import { openDataset } from '../../data/open-dataset.ts';
import { cleanRow } from '../../data/prepare/clean.ts';
import { deduplicate, without } from '../../data/prepare/deduplicate.ts';
import { split } from '../../data/prepare/split.ts';
import { DataError, UsageError } from '../../errors.ts';

export interface FitDataOptions extends ColumnNames {
  /** Rows to train on. */
  readonly data: string;
  /** Rows to judge by; without it a share of `data`. */
  readonly dev?: string | undefined;
  /** Share of `data` that goes to dev; default 0.1. 0: no dev rows. */
  readonly split?: number | undefined;
  readonly clean?: boolean | undefined;
  readonly htmlEntities?: boolean | undefined;
  readonly deduplicate?: boolean | undefined;
  /** Train on this many rows, chosen with the seed. */
  readonly samples?: number | undefined;
  readonly seed: number;
}

export interface FitData {
  /** The file that is trained on. */
  readonly dataset: Dataset;
  readonly train: readonly Row[];
  /** Undefined where there is nothing to judge by. */
  readonly dev: Dataset | undefined;
  readonly devRows: readonly Row[];
  readonly notes: readonly string[];
}

/** How many rows a guess at the task looks at. */
export const LOOK = 200;

/** How many lines a note names. */
const NAMED = 3;

/** The file as it is, for a look before the task is decided. Throws DataError. */
export function openFitData(options: FitDataOptions): Promise<Dataset> {
  const { split: share = 0.1 } = options;
  if (!(share >= 0 && share < 1)) throw new UsageError(`--split: expected a share from 0 to below 1, found ${share}`);
  return openDataset(options.data, columnsOf(options), options);
}

/** A list within a JSON file is not what --split is here. */
function columnsOf({ text, textPair, label, tags, task }: FitDataOptions): ColumnNames {
  return { text, textPair, label, tags, task };
}

/**
 * Read and prepare.
 * @param classOf what the split spreads evenly
 * @throws DataError where nothing is left to train on
 */
export async function readFitData(
  dataset: Dataset,
  options: FitDataOptions,
  classOf: (row: Row) => string,
): Promise<FitData> {
  const notes = badNotes(dataset);
  const rows = tidy(dataset.path, await all(dataset), options, notes);
  const file = options.dev === undefined ? undefined : await openDataset(options.dev, columnsOf(options), {});
  const parts = file ? { train: rows, dev: await all(file) } : split(rows, options.split ?? 0.1, options.seed, classOf);
  if (file) notes.push(...badNotes(file));
  const train = apart(parts.train, parts.dev, options, notes);
  if (train.length === 0) throw new DataError(`${dataset.path}: expected rows to train on, found none that are left`);
  if (!file && parts.dev.length > 0)
    notes.push(
      `${parts.dev.length} of ${rows.length} rows were kept apart to judge by (--split, seed ${options.seed})`,
    );
  const { path, format, columns } = file ?? dataset;
  const classes = dataset.classes ? { classes: dataset.classes } : {};
  const dev = parts.dev.length > 0 ? { ...datasetOf(parts.dev, { path, format, columns }), ...classes } : undefined;
  return { dataset, train, dev, devRows: parts.dev, notes };
}

async function all(dataset: Dataset): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const row of dataset.rows()) rows.push(row);
  return rows;
}

function badNotes({ path, badRows, bad, unit = 'line' }: Dataset): string[] {
  if (badRows === 0) return [];
  const named = bad.slice(0, NAMED).map(({ line, reason }) => `${unit} ${line}: ${reason}`);
  return [`${path}: ${badRows} rows could not be used: ${named.join('; ')}${badRows > NAMED ? ' …' : ''}`];
}

/** Cleaned and each text once, as far as that was asked for. */
function tidy(path: string, rows: readonly Row[], options: FitDataOptions, notes: string[]): readonly Row[] {
  let kept = rows;
  if (options.clean === true || options.htmlEntities === true) {
    const cleaned = rows.map((row) => cleanRow(row, { entities: options.htmlEntities }));
    kept = cleaned.filter((row) => row !== undefined);
    const changed = cleaned.filter(
      (row, i) => row && (row.text !== rows[i]!.text || row.textPair !== rows[i]!.textPair),
    );
    const empty = rows.filter((_, i) => cleaned[i] === undefined);
    notes.push(
      `${path}: cleaned ${changed.length} texts${empty.length > 0 ? `; ${lines(empty)} had nothing left` : ''}`,
    );
  }
  if (options.deduplicate !== true) return kept;
  const found = deduplicate(kept);
  notes.push(`${path}: ${found.duplicates} rows stand there more than once, the first of each is kept`);
  if (found.conflicts.length > 0)
    notes.push(
      `${path}: ${found.conflicts.length} of these have another label than the row that is kept: ${found.conflicts
        .slice(0, NAMED)
        .map(({ line, kept: first }) => `line ${line} (kept: ${first})`)
        .join(', ')}${found.conflicts.length > NAMED ? ' …' : ''}`,
    );
  return found.rows;
}

/** Rows to train on that are none of those to judge by: left out where duplicates are, else told. */
function apart(train: readonly Row[], dev: readonly Row[], options: FitDataOptions, notes: string[]): readonly Row[] {
  if (dev.length === 0) return train;
  const { rows, shared } = without(train, dev);
  if (shared === 0) return train;
  notes.push(
    options.deduplicate === true
      ? `${shared} rows to train on were left out: their texts stand in the rows to judge by`
      : `${shared} rows to train on have texts of the rows to judge by: --deduplicate leaves them out`,
  );
  return options.deduplicate === true ? rows : train;
}

function lines(rows: readonly Row[]): string {
  const named = rows.slice(0, NAMED).map(({ line }) => line);
  return `${rows.length === 1 ? 'line' : 'lines'} ${named.join(', ')}${rows.length > NAMED ? ` and ${rows.length - NAMED} more` : ''}`;
}
