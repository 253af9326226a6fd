// Writing a Report to files, the format by the name's ending; renderers are loaded when they are wanted.
import { closeSync, existsSync, mkdirSync, openSync, rmSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, extname, resolve } from 'node:path';
import { UsageError } from '../errors.ts';
import type { Report } from './schema.ts';

const formats: Readonly<Record<string, (report: Report) => Promise<string>>> = {
  '.json': async (report) => `${JSON.stringify(report, null, 2)}\n`,
  '.md': async (report) => (await import('./markdown.ts')).renderMarkdown(report),
  '.xml': async (report) => (await import('./junit.ts')).renderJunit(report),
  '.html': async (report) => (await import('./html/page.ts')).renderHtml(report),
};

function formatOf(path: string): ((report: Report) => Promise<string>) | undefined {
  return formats[extname(path).toLowerCase()];
}

/** Throws UsageError for an ending that is no format and for a place that cannot be written; call it before the work begins. */
export function checkReportPaths(paths: readonly string[]): void {
  const wrong = paths.find((path) => !formatOf(path));
  if (wrong !== undefined)
    throw new UsageError(
      `--report: expected a name ending in ${Object.keys(formats)
        .join(', ')
        .replace(/, (\S+)$/, ' or $1')}, found '${wrong}'`,
    );
  for (const path of paths) tryWriting(path);
}

/** Asking for rights does not tell (root, read-only mounts): open the file, and leave nothing that was not there. */
function tryWriting(path: string): void {
  const made: string[] = [];
  try {
    makeFolders(dirname(resolve(path)), made);
    const fresh = !existsSync(path);
    closeSync(openSync(path, 'a'));
    if (fresh) rmSync(path);
  } catch (error) {
    throw new UsageError(`--report: expected a file that can be written, found '${path}': ${reason(error)}`, {
      cause: error,
    });
  } finally {
    for (const folder of made.reverse()) rmdirSync(folder);
  }
}

/** One by one: mkdirSync's `recursive` never ends where making a folder gives ENOENT, as in /proc. */
function makeFolders(folder: string, made: string[] = []): void {
  const missing: string[] = [];
  for (let at = folder; !existsSync(at); at = dirname(at)) missing.unshift(at);
  for (const one of missing) {
    mkdirSync(one);
    made.push(one);
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message.replace(/, \w+ '.*$/, '') : String(error);
}

/** Write the report to each path. */
export async function saveReport(report: Report, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const text = await formatOf(path)!(report);
    makeFolders(dirname(resolve(path)));
    writeFileSync(path, text);
  }
}
