// Graphs of ../shared for the recognition tests: where they are, and a printed reason where they are not.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folder of the shared material, or undefined (said once on the console). */
export function sharedFolder(): string | undefined {
  const folder = fileURLToPath(new URL('../../../shared', import.meta.url));
  if (existsSync(join(folder, 'zoo'))) return folder;
  console.warn('skipped: ../shared/zoo is missing (see the README on test material)');
  return undefined;
}

/** All .onnx files under a folder, sorted. */
export function onnxFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? onnxFiles(path) : entry.name.endsWith('.onnx') ? [path] : [];
    })
    .toSorted();
}
