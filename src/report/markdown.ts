// A Report as markdown, for a pull request or a step summary.
import { bytes } from './text.ts';
import type { CompressionReport as Report } from './schema.ts';

/** One table, the verdict above it, notes below. */
export function renderMarkdown(report: Report): string {
  const { input, output, accuracy, parity, latency, machine } = report;
  const rows: string[][] = [['size', bytes(input.bytes), bytes(output.bytes), `${(100 * report.ratio).toFixed(1)} %`]];
  if (accuracy)
    rows.push([
      `${accuracy.metric} (${accuracy.samples})`,
      fixed(accuracy.before),
      fixed(accuracy.after),
      `drop ${fixed(accuracy.drop)} [${accuracy.ci95.map(fixed).join(', ')}]`,
    ]);
  for (const row of latency ?? [])
    rows.push([
      `latency ${row.batch} x ${row.sequence}`,
      `${row.beforeMs.toFixed(2)} ms`,
      `${row.afterMs.toFixed(2)} ms`,
      `${row.speedup.toFixed(2)}x`,
    ]);
  if (parity)
    rows.push([
      'parity',
      '',
      `cosine ${parity.cosine.toFixed(5)}`,
      parity.sqnrDb === undefined ? 'equal' : `SQNR ${parity.sqnrDb.toFixed(1)} dB`,
    ]);
  return [
    `### bert-compress ${report.command}: ${report.verdict}`,
    '',
    ...report.failures.map((line) => `- **${escape(line)}**`),
    ...(report.failures.length > 0 ? [''] : []),
    '| | before | after | |',
    '|---|---:|---:|---|',
    ...rows.map((row) => `| ${row.map(escape).join(' | ')} |`),
    '',
    `\`${escape(input.path)}\` to \`${escape(output.path)}\`; ${escape(machine.cpu)} (${machine.isa.join(' ')}), onnxruntime ${machine.onnxruntime}.`,
    ...report.notes.map((note) => `- ${escape(note)}`),
    '',
  ].join('\n');
}

function escape(text: string): string {
  return text.replace(/[\\|`<>*_]/g, '\\$&').replace(/\s+/g, ' ');
}

function fixed(fraction: number): string {
  return fraction.toFixed(4);
}
