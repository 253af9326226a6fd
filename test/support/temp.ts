// Files of a test, in a folder that goes when the test file is done (clean-temp.ts).
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

let root: string | undefined;
let count = 0;

/** Removes them; clean-temp.ts does it at the end of each test file. */
export function removeTemp(): void {
  if (root) rmSync(root, { recursive: true, force: true });
  root = undefined;
}

/** A new empty folder. */
export function tempDir(): string {
  root ??= mkdtempSync(join(tmpdir(), 'bert-compress-test-'));
  const folder = join(root, String(count++));
  mkdirSync(folder);
  return folder;
}

/** A file with this content in a new folder; its path. */
export function writeTemp(content: Uint8Array | string, name = 'model.onnx'): string {
  const path = join(tempDir(), name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}
