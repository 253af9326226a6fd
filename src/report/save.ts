// Writing a Report to files, the format by the name's ending.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, extname } from 'node:path';
import { UsageError } from '../errors.ts';
import { renderMarkdown } from './markdown.ts';
import type { CompressionReport as Report } from './schema.ts';

const formats: Readonly<Record<string, (report: Report) => string>> = {
  '.json': (report) => `${JSON.stringify(report, null, 2)}\n`,
  '.md': renderMarkdown,
};

/** Throws UsageError for an ending that is no format; call it before the work begins. */
export function checkReportPaths(paths: readonly string[]): void {
  const known = Object.keys(formats);
  const wrong = paths.find((path) => !known.includes(extname(path)));
  if (wrong) throw new UsageError(`--report: expected a name ending in ${known.join(' or ')}, found '${wrong}'`);
}

/** Write the report to each path. */
export function saveReport(report: Report, paths: readonly string[]): void {
  for (const path of paths) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, formats[extname(path)]!(report));
  }
}
