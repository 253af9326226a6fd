// The data formats by file extension. A format is one file and one entry here.
import { csv } from './csv.ts';
import { jsonl } from './jsonl.ts';
import type { Format } from './table.ts';
import { tsv } from './tsv.ts';

export const formats: readonly Format[] = [tsv, csv, jsonl];

/** The format that a file's name announces, or undefined. */
export function formatOf(path: string): Format | undefined {
  const extension = /\.([^./\\]+)$/.exec(path)?.[1]?.toLowerCase() ?? '';
  return formats.find((format) => format.extensions.includes(extension));
}

/** All extensions that are understood, for messages: `.tsv, .csv, …`. */
export function knownExtensions(): string {
  return formats.flatMap((format) => format.extensions.map((extension) => `.${extension}`)).join(', ');
}
