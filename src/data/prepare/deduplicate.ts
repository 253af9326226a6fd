// Rows that stand in the data more than once: found by their text, the first is kept.
import type { Row } from '../dataset.ts';

/** A text with two labels. */
export interface Conflict {
  readonly line: number;
  /** Line of the row that is kept. */
  readonly kept: number;
}

export interface Deduplicated {
  readonly rows: readonly Row[];
  /** How many were left out. */
  readonly duplicates: number;
  /** Those among them that have another label than the row that is kept. */
  readonly conflicts: readonly Conflict[];
}

/** The texts of a row as they are compared: Unicode's NFC, white space collapsed; case counts. */
export function textKey({ text, textPair }: Row): string {
  const plain = (value: string): string => value.normalize('NFC').replace(/\s+/gu, ' ').trim();
  return textPair === undefined ? plain(text) : `${plain(text)}\u0000${plain(textPair)}`;
}

/** What a row says of its text. */
function labelKey({ label, tags, answers }: Row): string {
  return JSON.stringify([label, tags, answers]);
}

/** Keeps the first row of each text. */
export function deduplicate(rows: readonly Row[]): Deduplicated {
  const first = new Map<string, Row>();
  const conflicts: Conflict[] = [];
  for (const row of rows) {
    const key = textKey(row);
    const known = first.get(key);
    if (known === undefined) first.set(key, row);
    else if (labelKey(known) !== labelKey(row)) conflicts.push({ line: row.line, kept: known.line });
  }
  return { rows: [...first.values()], duplicates: rows.length - first.size, conflicts };
}

/** Rows whose text stands in none of the `others`, and how many do. */
export function without(rows: readonly Row[], others: readonly Row[]): { rows: Row[]; shared: number } {
  const known = new Set(others.map(textKey));
  const kept = rows.filter((row) => !known.has(textKey(row)));
  return { rows: kept, shared: rows.length - kept.length };
}
