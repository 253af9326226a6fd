// Temporary folders that a killed run left beside an output.
import { createHash } from 'node:crypto';
import { readdirSync, readlinkSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';

/** Who can tell whether a process lives: this machine, this namespace of process ids. Containers that share a folder have their own. */
function owner(): string {
  let namespace = '';
  try {
    namespace = readlinkSync('/proc/self/ns/pid');
  } catch {
    // no Linux: one namespace a machine
  }
  return createHash('sha256').update(`${hostname()} ${namespace}`).digest('hex').slice(0, 8);
}

/** How the names of this process's temporary folders begin; six characters follow. */
export function temporaryPrefix(pid = process.pid): string {
  return `.bert-compress-${owner()}-${pid}-`;
}

/**
 * Remove temporary folders in `folder` whose process is dead. Those of other machines and containers stay, as do those whose process id
 * is in use again: whether they are in use cannot be told.
 */
export function removeStale(folder: string): void {
  const form = new RegExp(`^\\.bert-compress-${owner()}-(\\d+)-\\w{6}$`);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const pid = entry.isDirectory() ? form.exec(entry.name)?.[1] : undefined;
    if (pid === undefined || isAlive(Number(pid))) continue;
    try {
      rmSync(join(folder, entry.name), { recursive: true, force: true });
    } catch {
      // another's folder: what cannot be removed does no harm
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0); // signal 0 asks only
    return true;
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}
