// Where the material of test/real lies, and a skip that says so where it does not.
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe } from 'vitest';

const root = fileURLToPath(new URL('../../../shared/', import.meta.url));

/** Path of a file or folder of ../shared. */
export function shared(path: string): string {
  return `${root}${path}`;
}

/** ../shared, or undefined where it is missing. */
export function sharedFolder(): string | undefined {
  return existsSync(root) ? root : undefined;
}

/** .onnx files below a folder, as paths relative to it. */
export function onnxFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.onnx'))
    .toSorted();
}

/** A describe that is skipped, with a printed reason, where `path` of ../shared is missing. */
export function describeWith(path: string, name: string, tests: () => void): void {
  const there = existsSync(shared(path));
  if (!there) console.log(`skipped: ${name}: ../shared/${path} is not there`);
  describe.skipIf(!there)(name, tests);
}

/** Models of the zoo by name; empty where it is missing. */
export function zoo(): string[] {
  if (!existsSync(shared('zoo'))) return [];
  return readdirSync(shared('zoo')).filter((name) => existsSync(shared(`zoo/${name}/model.onnx`)));
}
