// What more is alive while many rows are read than few; measured in a process of its own, for the heap of other tests is not in it.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { tempDir } from '../support/temp.ts';

/** Bytes by text format. */
export function memoryGrowth(few: number, many: number): Record<string, number> {
  const script = fileURLToPath(new URL('read-many.ts', import.meta.url));
  const args = ['--import', 'tsx', script, tempDir(), String(few), String(many)];
  const lines = execFileSync(process.execPath, args, { encoding: 'utf8' }).trim().split('\n');
  return Object.fromEntries(lines.map((line) => [line.split(' ')[0]!, Number(line.split(' ')[1])]));
}
