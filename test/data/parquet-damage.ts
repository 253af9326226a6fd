// How reading Parquet files ends where a byte of them is damaged, in a process of its own: a loop without end cannot be left.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { tempDir } from '../support/temp.ts';

/** Positions in squad.parquet, each in a page header that then lacks a length: hyparquet reads such a page for ever. */
export const endless = [91, 210, 317, 319, 416];

/** Ends of the readings by file and position: every `step`th byte of the four files, and the endless ones; an error after `minutes`. */
export function readDamaged(step: number, minutes: number): Map<string, string> {
  const script = fileURLToPath(new URL('read-damaged.ts', import.meta.url));
  const given = ['plain', 'classes', 'tags', 'squad'].map((name) => {
    const path = fileURLToPath(new URL(`parquet/${name}.parquet`, import.meta.url));
    const spread = Array.from({ length: Math.ceil(readFileSync(path).length / step) }, (_, i) => step * i);
    return { name, path, positions: [...spread, ...(name === 'squad' ? endless : [])] };
  });
  const args = given.map(({ path, positions }) => `${path}:${positions.join()}`);
  const options = { encoding: 'utf8', timeout: 60_000 * minutes } as const;
  const output = execFileSync(process.execPath, ['--import', 'tsx', script, tempDir(), ...args], options);
  const lines = output.trim().split('\n');
  const keys = given.flatMap(({ name, positions }) => positions.map((i) => `${name} ${i}`));
  return new Map(keys.map((key, i) => [key, lines[i]!.slice(lines[i]!.indexOf(' ') + 1)]));
}
