// Writing a Report to files, the format by the name's ending; renderers are loaded when they are wanted.
import { closeSync, existsSync, mkdirSync, openSync, rmSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, extname, resolve } from 'node:path';
import { UsageError } from '../errors.ts';
import type { InspectReport } from '../inspect/inspect.ts';
import type { Report } from './schema.ts';

/** Renderers by the ending of a file's name. */
export type Formats<R> = Readonly<Record<string, (report: R) => Promise<string>>>;

export const reportFormats: Formats<Report> = {
  '.json': async (report) => `${JSON.stringify(report, null, 2)}\n`,
  '.md': async (report) => (await import('./markdown.ts')).renderMarkdown(report),
  '.xml': async (report) => (await import('./junit.ts')).renderJunit(report),
  '.html': async (report) => (await import('./html/page.ts')).renderHtml(report),
};

/** A look at a model has no gates, so that there is no JUnit of it. */
export const inspectFormats: Formats<InspectReport> = {
  '.json': async (report) => `${JSON.stringify(report, null, 2)}\n`,
  '.md': async (report) => (await import('./inspect-page.ts')).inspectMarkdown(report),
  '.html': async (report) => (await import('./inspect-page.ts')).inspectHtml(report),
};

function endingOf(path: string): string {
  return extname(path).toLowerCase();
}

/** Throws UsageError for an ending that is no format and for a place that cannot be written; call it before the work begins. */
export function checkReportPaths(paths: readonly string[], formats: Readonly<Record<string, unknown>>): void {
  const wrong = paths.find((path) => !(endingOf(path) in formats));
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
export async function saveReport<R>(report: R, paths: readonly string[], formats: Formats<R>): Promise<void> {
  for (const path of paths) {
    const text = await formats[endingOf(path)]!(report);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}
