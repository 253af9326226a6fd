// Writing a Report to files, the format by the name's ending; renderers are loaded when they are wanted.
import { closeSync, existsSync, mkdirSync, openSync, rmSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
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
  const folder = dirname(resolve(path));
  let made: string | undefined;
  try {
    if (existsSync(path) && !statSync(path).isFile() && statSync(path).isDirectory()) throw new Error('it is a folder');
    made = mkdirSync(folder, { recursive: true });
    const fresh = !existsSync(path);
    closeSync(openSync(path, 'a'));
    if (fresh) rmSync(path);
  } catch (error) {
    throw new UsageError(`--report: expected a file that can be written, found '${path}': ${reason(error)}`, {
      cause: error,
    });
  } finally {
    if (made !== undefined) removeEmpty(folder, made);
  }
}

/** Remove the folders from `folder` up to `top` again. */
function removeEmpty(folder: string, top: string): void {
  for (let at = folder; at.length >= top.length; at = dirname(at)) rmdirSync(at);
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message.replace(/, \w+ '.*$/, '') : String(error);
}

/** Write the report to each path. */
export async function saveReport(report: Report, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const text = await formatOf(path)!(report);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}
