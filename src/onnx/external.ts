// External data (onnx.proto, TensorProto.external_data): where a tensor's bytes lie beside the model, and that they really do.
import { realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, sep } from 'node:path';
import { ModelError } from '../errors.ts';
import type { FileSlice } from '../ir/tensor.ts';
import type { StringEntry } from './schema.ts';

/** Resolves external_data entries of one model; remembers the files it has checked. */
export class ExternalFiles {
  readonly #modelPath: string;
  readonly #folders: readonly string[];
  readonly #sizes = new Map<string, { path: string; size: number }>();

  /** `modelPath`: the .onnx file; data must stay inside its folder, or inside that of the file a link points to (Hugging Face's cache). */
  constructor(modelPath: string) {
    this.#modelPath = modelPath;
    this.#folders = [dirname(modelPath), dirname(realpathSync(modelPath))].map((folder) =>
      realpathSync(folder === '' ? '.' : folder),
    );
  }

  /** The slice that `entries` name for a tensor of `length` bytes. Throws ModelError where it leaves the folder, is missing or too short. */
  resolve(tensor: string, entries: readonly StringEntry[], length: number): FileSlice {
    const where = `${this.#modelPath}: external data of '${tensor}'`;
    // the last of a repeated key counts, as in onnx and onnxruntime
    const get = (key: string): string | undefined => entries.findLast((entry) => entry.key === key)?.value;
    const location = get('location');
    if (!location) throw new ModelError(`${where}: expected a location, found none`);
    const file = this.#open(location, where);
    const offset = whole(get('offset') ?? '0', `${where}: offset`);
    const stated = get('length');
    const actual = stated === undefined ? length : whole(stated, `${where}: length`);
    if (actual !== length)
      throw new ModelError(`${where}: expected ${length} bytes by type and shape, found length ${actual}`);
    if (offset + length > file.size) {
      throw new ModelError(
        `${where}: expected ${length} bytes at ${offset} of '${location}', found a file of ${file.size} bytes`,
      );
    }
    return { path: file.path, offset, length };
  }

  #open(location: string, where: string): { path: string; size: number } {
    const known = this.#sizes.get(location);
    if (known) return known;
    const parts = location.split(/[\\/]/);
    // absolute in any platform's way: a root, a drive or a share
    if (/^(?:[\\/]|[a-z]:)/i.test(location) || parts.includes('..') || location.includes('\0')) {
      throw new ModelError(`${where}: expected a path inside the model's folder, found '${location}'`);
    }
    const path = join(dirname(this.#modelPath), ...parts);
    let real: string;
    try {
      real = realpathSync(path);
    } catch (cause) {
      throw new ModelError(`${where}: expected the file '${location}' beside the model, found none`, { cause });
    }
    const inside = this.#folders.some((folder) => {
      const way = relative(folder, real);
      return way !== '' && !way.startsWith(`..${sep}`) && way !== '..' && !isAbsolute(way);
    });
    if (!inside) throw new ModelError(`${where}: expected a path inside the model's folder, found a link to '${real}'`);
    const stat = statSync(real);
    if (!stat.isFile()) throw new ModelError(`${where}: expected a file at '${location}', found something else`);
    const file = { path: real, size: stat.size };
    this.#sizes.set(location, file);
    return file;
  }
}

function whole(text: string, where: string): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(value))
    throw new ModelError(`${where}: expected a whole number, found '${text.slice(0, 40)}'`);
  return value;
}
