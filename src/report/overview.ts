// The table of several models side by side.
import { verdictWord } from './checks.ts';
import { bytes, factor, metricName, metricValue, ms, percent, signedPoints } from './figures.ts';
import type { Accuracy, Report } from './schema.ts';
import { macsShare } from './structure.ts';
import { interval, latencyAt, originalName, shapesOf, type Column, type Named, type Table } from './tables.ts';

/** The secondary metric that says what was found of what was there to find, where the task has one. */
export function recallKey({ metric, secondary }: Accuracy): string | undefined {
  const keys = Object.keys(secondary);
  const known = ['macroRecall', 'recall'].find((key) => keys.includes(key));
  return /recall/i.test(metric) ? undefined : (known ?? keys.find((key) => /recall/i.test(key)));
}

/** A column of the table of several models: the original's cell, and a candidate's; left out where all are empty. */
interface Facet {
  readonly title: string;
  readonly kind: Column['kind'];
  readonly original: string;
  readonly cell: (one: Named) => string;
}

/** Several models: a row a model, the original first. */
export function overview(report: Report, candidates: readonly Named[]): Table {
  const facets: Facet[] = [
    { title: 'model', kind: 'path', original: `${originalName(report)} (original)`, cell: ({ name }) => name },
    { title: 'verdict', kind: 'word', original: '', cell: ({ verdict }) => verdictWord(verdict) },
    { title: 'Pareto', kind: 'word', original: '', cell: ({ pareto }) => (pareto ? 'front' : '') },
    { title: 'size', kind: 'number', original: bytes(report.input.bytes), cell: ({ output }) => bytes(output.bytes) },
    {
      title: 'gzip',
      kind: 'number',
      original: report.input.compressed ? bytes(report.input.compressed.gzip) : '',
      cell: ({ output: { compressed } }) => (compressed ? bytes(compressed.gzip) : ''),
    },
    { title: 'of original', kind: 'number', original: '', cell: ({ ratio }) => percent(ratio, 1) },
    {
      title: 'multiply-adds',
      kind: 'number',
      original: '',
      cell: (one) => (macsShare(one) === undefined ? '' : percent(macsShare(one)!, 1)),
    },
    ...accuracyFacets(candidates),
    { title: 'knee', kind: 'word', original: '', cell: ({ knee }) => (knee ? 'knee' : '') },
    ...shapesOf(candidates).flatMap((key) => latencyFacets(candidates, key)),
    memoryFacet(candidates),
    { title: 'cosine', kind: 'number', original: '', cell: ({ parity }) => parity?.cosine.toFixed(5) ?? '' },
    {
      title: 'agreement',
      kind: 'number',
      original: '',
      cell: ({ parity }) => (parity?.agreement === undefined ? '' : percent(parity.agreement)),
    },
  ];
  const used = facets.filter((facet) => candidates.some((one) => facet.cell(one) !== ''));
  return {
    caption: 'The models side by side',
    columns: used.map(({ title, kind }) => ({ title, kind })),
    rows: [used.map(({ original }) => original), ...candidates.map((one) => used.map(({ cell }) => cell(one)))],
  };
}

function accuracyFacets(candidates: readonly Named[]): Facet[] {
  const first = candidates.find(({ accuracy }) => accuracy)?.accuracy;
  if (!first) return [];
  const { metric } = first;
  const of = (show: (accuracy: Accuracy) => string) => (one: Named) => (one.accuracy ? show(one.accuracy) : '');
  const facets: Facet[] = [
    {
      title: metricName(metric),
      kind: 'number',
      original: metricValue(metric, first.before),
      cell: of(({ after }) => metricValue(metric, after)),
    },
    { title: 'points', kind: 'number', original: '', cell: of(({ drop }) => signedPoints(-drop)) },
    { title: '95 %', kind: 'number', original: '', cell: of(interval) },
  ];
  const recall = recallKey(first);
  if (recall === undefined) return facets;
  return [
    ...facets,
    {
      title: metricName(recall),
      kind: 'number',
      original: metricValue(recall, first.secondary[recall]!.before),
      cell: of(({ secondary }) => (secondary[recall] ? metricValue(recall, secondary[recall].after) : '')),
    },
  ];
}

function latencyFacets(candidates: readonly Named[], key: string): Facet[] {
  const rows = candidates.flatMap((one) => latencyAt(one, key) ?? []);
  return [
    {
      title: key,
      kind: 'number',
      original: range(
        rows.map(({ beforeMs }) => beforeMs),
        ms,
      ),
      cell: (one) => (latencyAt(one, key) ? ms(latencyAt(one, key)!.afterMs) : ''),
    },
    {
      title: 'speedup',
      kind: 'number',
      original: '',
      cell: (one) => (latencyAt(one, key) ? factor(latencyAt(one, key)!.speedup) : ''),
    },
  ];
}

function memoryFacet(candidates: readonly Named[]): Facet {
  const before = candidates.flatMap(({ memory }) => memory?.beforePeakRssBytes ?? []);
  return {
    title: 'peak memory',
    kind: 'number',
    original: range(before, bytes),
    cell: ({ memory }) => (memory ? bytes(memory.afterPeakRssBytes) : ''),
  };
}

/** The original was measured beside each candidate: one figure where they agree, else the middle one. */
function range(values: readonly number[], show: (value: number) => string): string {
  if (values.length === 0) return '';
  return show(values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)]!);
}
