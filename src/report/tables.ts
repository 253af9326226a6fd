// The tables of a report, as text cells: what they say is decided here once, the renderers only draw them.
import {
  bytes,
  counted,
  factor,
  metricChange,
  metricName,
  metricValue,
  ms,
  percent,
  rate,
  signedPoints,
  whole,
} from './figures.ts';
import { oneLine, shortNames } from './strings.ts';
import { macsRow } from './structure.ts';
import { accuraciesOf, candidatesOf, type Accuracy, type Candidate, type Latency, type Report } from './schema.ts';

/** How a column stands: numbers to the right; a path is cut in its middle, prose wraps or is cut at its end. */
export interface Column {
  readonly title: string;
  readonly kind: 'number' | 'word' | 'path' | 'prose';
}

/** Rows of cells; the first cell names the row. */
export interface Table {
  readonly caption: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly string[])[];
}

/** A model held against the original, with a name short enough for a table. */
export interface Named extends Candidate {
  readonly name: string;
}

/** The candidates with the shortest names that tell them, and the original, apart. */
export function namedCandidates(report: Report): Named[] {
  const candidates = candidatesOf(report);
  const names = shortNames([report.input.path, ...candidates.map(({ output }) => output.path)]);
  return candidates.map((candidate, i) => ({ ...candidate, name: names[i + 1]! }));
}

/** The original's name beside those of its candidates. */
export function originalName(report: Report): string {
  return shortNames([report.input.path, ...candidatesOf(report).map(({ output }) => output.path)])[0]!;
}

/** One model: a row a figure, before and after. */
export function beforeAfter(report: Report, one: Candidate): Table {
  const { parity, memory, output } = one;
  const rows = [
    ['size', bytes(report.input.bytes), bytes(output.bytes), `${percent(one.ratio, 1)}, ${sizes(one.ratio)}`],
    ...compressedRows(report, one),
    ...parametersRow(report, one),
    ...macsRow(one),
    ...accuraciesOf(one).flatMap((scored) => accuracyRows(scored.accuracy, scored.task)),
    ...(one.latency ?? []).map(latencyRow),
  ];
  if (memory) {
    const ratio = memory.afterPeakRssBytes / memory.beforePeakRssBytes;
    rows.push(['peak memory', bytes(memory.beforePeakRssBytes), bytes(memory.afterPeakRssBytes), percent(ratio, 1)]);
  }
  if (parity) rows.push(['parity', '', `cosine ${parity.cosine.toFixed(5)}`, parityText(parity)]);
  const column = (title: string, kind: Column['kind']): Column => ({ title, kind });
  return {
    caption: 'Before and after',
    columns: [column('', 'word'), column('before', 'number'), column('after', 'number'), column('', 'prose')],
    rows,
  };
}

/** Numbers of a model that was made smaller, those that are shared counted once. */
function parametersRow({ command, input }: Report, { output }: Candidate): string[][] {
  if (command !== 'share' && command !== 'prune') return [];
  return [['parameters', whole(input.params), whole(output.params), percent(output.params / input.params, 1)]];
}

/** What zeros save: only files that are compressed get smaller by them. */
function compressedRows({ input }: Report, { output }: Candidate): string[][] {
  const [before, after] = [input.compressed, output.compressed];
  if (!before || !after) return [];
  const row = (title: string, a: number, b: number): string[] => [title, bytes(a), bytes(b), percent(b / a, 1)];
  const zstd =
    before.zstd === undefined || after.zstd === undefined ? [] : [row('size, zstd', before.zstd, after.zstd)];
  return [row('size, gzip', before.gzip, after.gzip), ...zstd];
}

function sizes(ratio: number): string {
  if (Math.abs(ratio - 1) < 0.005) return 'the same size';
  return ratio < 1 ? `${(1 / ratio).toFixed(2)}x smaller` : `${ratio.toFixed(2)}x larger`;
}

/** @param task of a model with several heads, which the first row names */
function accuracyRows(accuracy: Accuracy, task?: string): string[][] {
  const { metric, before, after, drop, saturated } = accuracy;
  const row = (name: string, from: number, to: number, more = ''): string[] => [
    metricName(name),
    metricValue(name, from),
    metricValue(name, to),
    metricChange(name, to - from) + more,
  ];
  const p = accuracy.p === undefined ? '' : `, p ${accuracy.p < 0.001 ? '< 0.001' : accuracy.p.toFixed(3)}`;
  const rows = [
    row(metric, before, after, ` (95 %: ${interval(accuracy)}${p}), ${whole(accuracy.samples)} samples`),
    ...Object.entries(accuracy.secondary).map(([name, pair]) => row(name, pair.before, pair.after)),
  ];
  if (saturated) {
    const found = row(metric, saturated.before, saturated.after);
    const note = `, emulated, ${whole(saturated.samples)} samples`;
    rows.push([`${found[0]!} without VNNI`, found[1]!, found[2]!, found[3]! + note]);
  }
  // the drop is what is judged: where it was measured to more digits than before and after show, it decides
  rows[0]![3] = rows[0]![3]!.replace(/^\S+/, signedPoints(-drop));
  if (task !== undefined) rows[0]![0] = `${task}: ${rows[0]![0]!}`;
  return rows;
}

/** The interval of the change, lower end first. */
export function interval({ ci95: [low, high] }: Accuracy): string {
  return `${signedPoints(-high)} to ${signedPoints(-low)}`;
}

function latencyRow(row: Latency): string[] {
  const range = row.speedupCi95 ? ` (95 %: ${row.speedupCi95.map(factor).join(' to ')})` : '';
  const { beforePerSecond: before, afterPerSecond: after } = row;
  const texts = before === undefined || after === undefined ? '' : `, ${rate(before)} to ${rate(after)} texts/s`;
  const slower = row.speedup < 1 ? ', slower' : '';
  return [`latency ${shape(row)}`, ms(row.beforeMs), ms(row.afterMs), factor(row.speedup) + slower + range + texts];
}

/** Batch by tokens. */
export function shape({ batch, sequence }: { readonly batch: number; readonly sequence: number }): string {
  return `${batch} x ${sequence}`;
}

function parityText(parity: NonNullable<Candidate['parity']>): string {
  return [
    parity.sqnrDb === undefined ? 'equal bit by bit' : `SQNR ${parity.sqnrDb.toFixed(1)} dB`,
    `largest difference ${parity.maxAbs.toPrecision(3)}`,
    ...(parity.agreement === undefined ? [] : [`agreement ${percent(parity.agreement)}`]),
    ...(parity.kl === undefined ? [] : [`KL ${parity.kl.toPrecision(3)} nats`]),
    ...(parity.neighbours === undefined ? [] : [`neighbours kept ${percent(parity.neighbours)}`]),
    ...(parity.nonFinite ? [`${whole(parity.nonFinite)} with NaN or infinity`] : []),
  ].join(', ');
}

/** All shapes measured, in the order of the first mention. */
export function shapesOf(candidates: readonly Candidate[]): string[] {
  return [...new Set(candidates.flatMap(({ latency }) => latency ?? []).map(shape))];
}

/** The row of a shape. */
export function latencyAt({ latency }: Candidate, key: string): Latency | undefined {
  return latency?.find((row) => shape(row) === key);
}

/** The examples that got worse; `undefined` where none is listed. */
export function changedTable({ changed }: Candidate): Table | undefined {
  if (!changed?.length) return undefined;
  const pairs = changed.some(({ textPair }) => textPair !== undefined);
  const gold = changed.some((one) => one.gold !== undefined);
  return {
    caption: `${counted(changed.length, 'example')} that got worse, the worst first`,
    columns: [
      { title: 'line', kind: 'number' },
      { title: 'text', kind: 'prose' },
      ...(pairs ? ([{ title: 'second text', kind: 'prose' }] as const) : []),
      ...(gold ? ([{ title: 'expected', kind: 'prose' }] as const) : []),
      { title: 'before', kind: 'prose' },
      { title: 'after', kind: 'prose' },
      { title: 'worse by', kind: 'number' },
    ],
    rows: changed.map((one) => [
      String(one.line),
      oneLine(one.text),
      ...(pairs ? [oneLine(one.textPair ?? '')] : []),
      ...(gold ? [oneLine(one.gold ?? '')] : []),
      oneLine(one.before),
      oneLine(one.after),
      one.loss.toPrecision(3),
    ]),
  };
}

/** Where the time of a run goes, operator by operator. */
export function profileTable({ profile }: Candidate): Table | undefined {
  if (!profile) return undefined;
  const of = (side: typeof profile.before) => new Map(side.map((row) => [row.op, row]));
  const [before, after] = [of(profile.before), of(profile.after)];
  const most = (op: string): number => Math.max(before.get(op)?.ms ?? 0, after.get(op)?.ms ?? 0);
  const ops = [...new Set([...before.keys(), ...after.keys()])].sort((a, b) => most(b) - most(a));
  const cells = (row: (typeof profile.before)[number] | undefined): string[] =>
    row ? [ms(row.ms), percent(row.share, 1), whole(row.count)] : ['', '', ''];
  const titles = ['before', 'share', 'nodes', 'after', 'share', 'nodes'];
  return {
    caption: `Time by operator in a run of ${shape(profile)}`,
    columns: [{ title: 'operator', kind: 'path' }, ...titles.map((title) => ({ title, kind: 'number' }) as const)],
    rows: ops.map((op) => [oneLine(op), ...cells(before.get(op)), ...cells(after.get(op))]),
  };
}

/** Size by part of the model. */
export function partsTable({ parts }: Candidate): Table | undefined {
  if (!parts) return undefined;
  const names = [...new Set([...parts.before, ...parts.after].map(({ name }) => name))];
  const cells = (side: typeof parts.before, name: string): string[] => {
    const part = side.find((one) => one.name === name);
    return part ? [bytes(part.bytes), oneLine(part.precision)] : ['', ''];
  };
  return {
    caption: 'Size by part',
    columns: [
      { title: 'part', kind: 'path' },
      { title: 'before', kind: 'number' },
      { title: 'precision', kind: 'word' },
      { title: 'after', kind: 'number' },
      { title: 'precision', kind: 'word' },
    ],
    rows: names.map((name) => [oneLine(name), ...cells(parts.before, name), ...cells(parts.after, name)]),
  };
}
