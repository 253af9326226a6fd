// Where the models outside this repository lie: ../shared beside it, or none.
import { existsSync, readdirSync } from 'node:fs';
import { resolve } from 'node:path';

/** `../shared`, undefined where it is missing; says so, since the tests that need it then skip. */
export function sharedFolder(): string | undefined {
  const folder = resolve(import.meta.dirname, '../../../shared');
  if (existsSync(folder)) return folder;
  console.warn(`skipped: ${folder} is missing`);
  return undefined;
}

/** Paths of the .onnx files below a folder, relative to it. */
export function onnxFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.onnx'))
    .toSorted();
}
