// An InspectReport as people read it in a terminal.
import chalk from 'chalk';
import type { InspectReport, PassOutlook } from '../inspect/inspect.ts';
import { bytes } from './figures.ts';

const BAR = 32;

/** Lines of text. */
export function renderInspect(report: InspectReport): string {
  return [
    ...heading(report),
    '',
    ...facts(report),
    '',
    ...parts(report),
    '',
    ...largest(report),
    ...duplicates(report),
    '',
    ...report.passes.flatMap(passLines),
    ...report.unrecognised.map(({ part, reason }) => chalk.yellow(`not recognised: ${part}: ${reason}`)),
    '',
  ].join('\n');
}

function heading({ model }: InspectReport): string[] {
  const { path, bytes: size, params, opset, ir, exporter } = model;
  return [
    chalk.bold(path),
    chalk.dim(
      `${bytes(size)}, ${count(params)} parameters, opset ${opset}, IR ${ir}${exporter ? `, ${exporter}` : ''}`,
    ),
  ];
}

function facts({ architecture: a, inputs, task, macs }: InspectReport): string[] {
  const rows: [string, string][] = [['family', `${a.family}${a.encoders ? `, ${a.encoders} of them` : ''}`]];
  if (a.layers > 0) {
    const width = a.embedding === undefined ? '' : `, embeddings ${a.embedding} wide`;
    rows.push([
      'layers',
      `${a.layers}${a.hidden === undefined ? '' : `, hidden ${a.hidden}${width}`}${a.normOrder ? `, ${a.normOrder}-norm` : ''}`,
    ]);
    rows.push([
      'heads',
      `${perLayer(a.heads)} of ${perLayer(a.headSize)}${a.kvHeads ? `, K and V ${perLayer(a.kvHeads)}` : ''}`,
    ]);
    rows.push(['FFN', `${perLayer(a.ffn)}${a.activation ? `, ${a.activation}` : ''}${a.gated ? ', gated' : ''}`]);
  }
  const tables = [
    a.vocabulary === undefined ? '' : `vocabulary ${a.vocabulary}`,
    a.positions === undefined ? '' : `positions ${a.positions}`,
    a.segments === undefined ? '' : `segments ${a.segments}`,
  ];
  const kinds = a.positionKind.filter((kind) => kind !== 'absolute');
  if (tables.some(Boolean))
    rows.push([
      'tables',
      [...tables.filter(Boolean), ...(kinds.length > 0 ? [`${kinds.join(', ')} positions`] : [])].join(', '),
    ]);
  const named = (['ids', 'mask', 'segments', 'positions'] as const).flatMap((role) =>
    inputs[role] === undefined ? [] : [`${role} ${inputs[role]}`],
  );
  rows.push(['inputs', [...named, ...inputs.others].join(', ') || 'none recognised'], ['task', task ?? 'unknown']);
  rows.push([
    'multiply-adds',
    `${count(macs.total)} at ${macs.batch} x ${macs.sequence} (dense ${count(macs.dense)}, attention ${count(macs.attention)})`,
  ]);
  return rows.map(([name, value]) => `  ${name.padEnd(14)}${value}`);
}

function parts({ parts: all }: InspectReport): string[] {
  const total = all.reduce((sum, part) => sum + part.bytes, 0);
  const cells = all.map((part) => {
    const share = part.bytes / total;
    const full = Math.round(share * BAR);
    return {
      name: part.name,
      bar: '█'.repeat(full) + '░'.repeat(BAR - full),
      share: `${(100 * share).toFixed(1)} %`,
      params: count(part.params),
      size: bytes(part.bytes),
      precision: part.precision,
    };
  });
  const width = (key: 'params' | 'size'): number => Math.max(...cells.map((cell) => cell[key].length));
  return cells.map(
    (cell) =>
      `  ${cell.name.padEnd(12)}${chalk.cyan(cell.bar)} ${cell.share.padStart(7)}  ${cell.params.padStart(width('params'))}  ${cell.size.padStart(width('size'))}  ${cell.precision}`,
  );
}

function largest({ largest: tensors }: InspectReport): string[] {
  return [
    chalk.dim('largest tensors'),
    ...tensors
      .slice(0, 5)
      .map(
        ({ name, dtype, shape, bytes: size }) => `  ${bytes(size).padStart(9)}  ${dtype} ${shape.join(' x ')}  ${name}`,
      ),
  ];
}

function duplicates({ duplicates: all }: InspectReport): string[] {
  const wasted = all.filter((one) => one.wastedBytes > 0);
  const shared = all.filter((one) => one.kind === 'shared');
  const lines = wasted
    .slice(0, 5)
    .map(
      (one) =>
        `  ${bytes(one.wastedBytes).padStart(9)}  ${one.kind === 'transposed' ? 'stored again, transposed' : 'stored again'}: ${one.names.slice(0, 3).join(', ')}${one.names.length > 3 ? ` and ${one.names.length - 3} more` : ''}`,
    );
  if (wasted.length > 5) lines.push(`  and ${wasted.length - 5} more`);
  if (shared.length > 0)
    lines.push(`  ${shared.length} ${shared.length === 1 ? 'weight is' : 'weights are'} shared by several nodes`);
  return lines.length > 0 ? [chalk.dim('duplicates'), ...lines] : [];
}

function passLines({ pass, applicable, unit = 'nodes', skipped, refused }: PassOutlook): string[] {
  if (refused !== undefined) return [`${pass}: ${chalk.yellow(`would refuse: ${refused}`)}`];
  const reasons = new Map<string, number>();
  for (const { op, reason } of skipped) reasons.set(`${op}: ${reason}`, (reasons.get(`${op}: ${reason}`) ?? 0) + 1);
  return [
    `${pass}: ${applicable} ${unit}`,
    ...[...reasons].map(([reason, times]) => chalk.dim(`  left: ${times} x ${reason}`)),
  ];
}

/** One entry where all layers agree. */
function perLayer(values: readonly (number | null)[]): string {
  const shown = values.map((value) => (value === null ? '?' : String(value)));
  return new Set(shown).size === 1 ? shown[0]! : shown.join('/');
}

function count(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toFixed(2)} G`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
  return value >= 1e4 ? `${(value / 1e3).toFixed(1)} k` : String(Math.round(value));
}
