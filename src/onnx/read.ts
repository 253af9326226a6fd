// Reading a model: structure in memory, weights on disk.
import { statSync } from 'node:fs';
import { ModelError } from '../errors.ts';
import type { Model } from '../ir/graph.ts';
import { checkFunction, checkGraph } from '../ir/verify.ts';
import { ExternalFiles } from './external.ts';
import { lift } from './lift.ts';
import { decodeModel, type ModelProto } from './schema.ts';
import { modelOf } from './to-ir.ts';
import { withFile } from './wire.ts';

/**
 * Read an ONNX file. Weights stay in the file (and its external data files) until a tensor's `bytes()`.
 * Throws ModelError: one line with file, what was expected and what was found.
 */
export function readModel(path: string): Model {
  try {
    return read(path);
  } catch (error) {
    throw asModelError(error, path);
  }
}

/** Longest message that is still one clear line: names come from the file and may be of any length. */
const MAX_MESSAGE = 600;

/** Names in messages come from the file: no line breaks, no control characters, no pages of text. */
function asModelError(error: unknown, path: string): unknown {
  if (error instanceof ModelError) {
    const line = error.message.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ');
    const short =
      line.length > MAX_MESSAGE ? `${line.slice(0, MAX_MESSAGE / 2)} … ${line.slice(-MAX_MESSAGE / 2)}` : line;
    return short === error.message ? error : new ModelError(short, { cause: error });
  }
  const code = error instanceof Error && 'syscall' in error && 'code' in error ? String(error.code) : undefined;
  return code ? new ModelError(`${path}: expected a readable ONNX file, found ${code}`, { cause: error }) : error;
}

function read(path: string): Model {
  const size = fileSize(path);
  if (size === 0) throw new ModelError(`${path}: expected an ONNX model, found an empty file`);
  const lifted = withFile(path, (source) => {
    refuseOtherFormats(path, source.read(0, Math.min(8, size)));
    return lift(source, path);
  });
  let message: ModelProto;
  try {
    message = decodeModel(lifted.skeleton);
  } catch (cause) {
    throw new ModelError(`${path}: not a readable ONNX model: ${(cause as Error).message}`, { cause });
  }
  const model = modelOf(message, {
    path,
    payloads: lifted.payloads,
    external: new ExternalFiles(path),
    claimed: new Set(),
  });
  checkGraph(model.graph, path);
  for (const def of model.functions) checkFunction(def, `${path}: function '${def.name}'`);
  return model;
}

function fileSize(path: string): number {
  try {
    const stat = statSync(path);
    if (!stat.isFile())
      throw new ModelError(
        `${path}: expected an ONNX file, found ${stat.isDirectory() ? 'a folder' : 'no regular file'}`,
      );
    return stat.size;
  } catch (cause) {
    if (cause instanceof ModelError) throw cause;
    throw new ModelError(
      `${path}: expected an ONNX file, found none (${(cause as NodeJS.ErrnoException).code ?? 'unreadable'})`,
      { cause },
    );
  }
}

/** Files that people pass by mistake, told by their first bytes. */
const otherFormats: readonly { readonly magic: string; readonly is: string }[] = [
  { magic: 'PK\x03\x04', is: 'a zip archive (a PyTorch checkpoint?)' },
  { magic: 'GGUF', is: 'a GGUF model' },
  { magic: '\x89HDF', is: 'an HDF5 file (a Keras model?)' },
  { magic: 'version ', is: 'a Git LFS pointer: fetch the file with git lfs pull' },
];

function refuseOtherFormats(path: string, head: Uint8Array): void {
  const start = String.fromCharCode(...head);
  const other = otherFormats.find((format) => start.startsWith(format.magic));
  if (other) throw new ModelError(`${path}: expected an ONNX model, found ${other.is}`);
}
