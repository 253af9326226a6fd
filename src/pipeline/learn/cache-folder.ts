// The folder in which costly things lie between runs: a folder each, named by a hash of all it depends on, bounded together.
import { mkdirSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { writing } from '../../system-errors.ts';

export interface CacheOptions {
  /** Most bytes on disk; 0: nothing is kept. */
  readonly cache: number;
  /** Default `defaultCacheFolder()`. */
  readonly cacheFolder?: string | undefined;
}

/** Where caches lie by default. */
export function defaultCacheFolder(): string {
  return join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'bert-compress', 'teacher');
}

/** What one run takes of the folder. */
export class CacheFolder {
  readonly #root: string;
  readonly #bound: number;
  #taken = 0;
  readonly #keys = new Set<string>();

  constructor({ cache, cacheFolder: root = defaultCacheFolder() }: CacheOptions) {
    this.#root = root;
    this.#bound = cache;
  }

  /** Bytes that this run may still take. */
  get left(): number {
    return this.#bound - this.#taken;
  }

  /**
   * The folder of a key, made where it is not there, after as many others went, the one longest unused first, as the bound asks.
   * @param bytes that it will have, at most `left`
   * @throws UsageError where the file system refuses
   */
  take(key: string, bytes: number): string {
    const path = join(this.#root, key);
    this.#keys.add(key);
    this.#taken += bytes;
    writing(this.#root, () => {
      mkdirSync(path, { recursive: true });
      this.#makeRoom();
      const now = new Date();
      utimesSync(path, now, now);
    });
    return path;
  }

  /** Another run may remove what this one sees. */
  #makeRoom(): void {
    const others = readdirSync(this.#root)
      .filter((name) => !this.#keys.has(name) && /^[0-9a-f]{64}$/.test(name))
      .map((name) => join(this.#root, name))
      .map((path) => ({ path, used: statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0, bytes: bytesIn(path) }))
      .sort((a, b) => a.used - b.used);
    let held = others.reduce((sum, other) => sum + other.bytes, 0);
    for (const other of others) {
      if (held <= this.left) return;
      rmSync(other.path, { recursive: true, force: true });
      held -= other.bytes;
    }
  }
}

function bytesIn(folder: string): number {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return 0;
  const sizes = readdirSync(folder).map((name) => statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0);
  return sizes.reduce((sum, size) => sum + size, 0);
}
