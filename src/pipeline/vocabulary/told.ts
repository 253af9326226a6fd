// What a report says of a smaller vocabulary.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Shrinker } from '../../data/tokenizer/shrinker.ts';
import type { Vocabulary } from '../../passes/prune/vocabulary.ts';
import type { ReportStep } from '../../report/schema.ts';
import type { KnownModel } from '../known-model.ts';
import type { Corpus, Verified } from './corpus.ts';
import type { Selection } from './select.ts';

interface Asked {
  readonly vocabulary: readonly string[];
  readonly keepTokens?: string | undefined;
  readonly minCount?: number | undefined;
  readonly characters?: 'all' | 'corpus' | undefined;
}

/** @param started of `performance.now()` */
export function stepOf(
  { vocabulary: files, keepTokens, minCount = 1, characters = 'all' }: Asked,
  { rows }: Vocabulary,
  { kept, counts, rare }: Selection,
  { size }: Corpus,
  { changed, unknown }: Verified,
  started: number,
): ReportStep {
  return {
    pass: 'prune-vocabulary',
    options: { vocabulary: files, minCount, characters, ...(keepTokens === undefined ? {} : { keepTokens }) },
    changed: true,
    stats: {
      'tokens before': rows,
      'tokens after': kept.length,
      ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
      'texts read': size,
      'texts split otherwise': changed,
      ...(rare > 0 ? { 'rare tokens removed': rare, 'texts with new unknown tokens': unknown } : {}),
    },
    skipped: [],
    seconds: (performance.now() - started) / 1000,
  };
}

export interface Told {
  readonly shrinker: Shrinker;
  readonly vocabulary: Vocabulary;
  readonly selection: Selection;
  readonly corpus: Corpus;
  readonly verified: Verified;
  readonly left: ReadonlyMap<string, string>;
  readonly proof: string;
}

/** What stays and why, what became of the corpus, what is not copied. */
export function notesOf(given: KnownModel, known: KnownModel, told: Told): string[] {
  const { shrinker, vocabulary, selection, corpus, verified, left, proof } = told;
  const why = Object.entries(selection.counts)
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => `${count} ${reason}`);
  const bytes = ({ path: { folder } }: KnownModel): number => readFileSync(join(folder, 'tokenizer.json')).length;
  const split =
    verified.changed === 0
      ? `all ${corpus.size} texts of the corpus have the same tokens as before`
      : `${verified.changed} of ${corpus.size} texts of the corpus are split into smaller tokens, ${verified.unknown} of them with unknown ones; all others have the same tokens as before`;
  return [
    `${shrinker.kind} vocabulary: ${selection.kept.length} of ${vocabulary.rows} tokens stay: ${why.join(', ')}`,
    `${split}; ${proof}`,
    `tokenizer.json: ${bytes(given)} bytes before, ${bytes(known)} after`,
    ...[...left].map(([file, reason]) => `${file} is not copied: ${reason}`),
    ...corpus.files
      .filter(({ badRows }) => badRows > 0)
      .map(
        ({ path, badRows, bad }) =>
          `${path}: ${badRows} rows could not be used, the first on line ${bad[0]?.line}: ${bad[0]?.reason}`,
      ),
  ];
}
