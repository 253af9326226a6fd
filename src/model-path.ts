// What a MODEL argument names: an .onnx file, or a model folder as Hugging Face and transformers.js lay it out.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ModelError } from './errors.ts';

export interface ModelPath {
  readonly onnxPath: string;
  /** Folder with config.json and the tokenizer: the model folder, or the nearest one around an .onnx file that has them. */
  readonly folder: string;
  /** Parsed config.json of `folder`, where there is one. */
  readonly config?: Record<string, unknown>;
}

/** Where an .onnx file lies in a model folder, in the order looked for. */
const places = ['onnx/model.onnx', 'model.onnx'];

/** Resolve a MODEL argument. Throws ModelError where it is neither an .onnx file nor a folder with a model in it. */
export function resolveModel(path: string): ModelPath {
  if (!existsSync(path)) throw new ModelError(`${path}: expected an .onnx file or a model folder, found nothing`);
  if (!statSync(path).isDirectory()) return withConfig(path, folderAround(path));
  return withConfig(join(path, placeIn(path)), path);
}

/** model.onnx where it is looked for, else the only .onnx file there is: a folder that holds one precision. */
function placeIn(folder: string): string {
  const found = places.find((place) => existsSync(join(folder, place)));
  if (found) return found;
  const others = ['onnx', '.'].flatMap((below) => onnxFiles(join(folder, below)).map((file) => join(below, file)));
  if (others.length === 1) return others[0]!;
  const what = others.length === 0 ? 'no .onnx file' : `${others.join(', ')}: name the file`;
  throw new ModelError(`${folder}: expected ${places.join(' or ')} in the folder, found ${what}`);
}

function onnxFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((file) => file.endsWith('.onnx') && !file.endsWith('.rejected.onnx'));
}

/** transformers.js keeps .onnx files in `onnx/`, one below the configuration. */
function folderAround(onnxPath: string): string {
  const folder = dirname(onnxPath);
  const above = dirname(folder);
  const configured = (dir: string): boolean =>
    existsSync(join(dir, 'config.json')) || existsSync(join(dir, 'tokenizer.json'));
  return !configured(folder) && basename(folder) === 'onnx' && configured(above) ? above : folder;
}

function withConfig(onnxPath: string, folder: string): ModelPath {
  const path = join(folder, 'config.json');
  if (!existsSync(path)) return { onnxPath, folder };
  try {
    const config: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof config === 'object' && config !== null && !Array.isArray(config))
      return { onnxPath, folder, config: { ...config } };
    throw new ModelError(`${path}: expected a JSON object, found ${Array.isArray(config) ? 'a list' : typeof config}`);
  } catch (cause) {
    if (cause instanceof ModelError) throw cause;
    throw new ModelError(`${path}: expected JSON, found: ${(cause as Error).message.split('\n')[0]}`, { cause });
  }
}
