// Writing a model: the skeleton from protobufjs, the weights streamed one at a time, inline or as external data.
import { closeSync, existsSync, fsyncSync, openSync, realpathSync, writeSync } from 'node:fs';
import { basename, dirname, relative } from 'node:path';
import { ModelError } from '../errors.ts';
import type { Model } from '../ir/graph.ts';
import { eachPiece, type Tensor } from '../ir/tensor.ts';
import { writing } from '../system-errors.ts';
import { modelProtoOf, type Payload } from './from-ir.ts';
import { lower, type Chunk } from './lower.ts';
import { encodeModel } from './schema.ts';
import type { StoredTensor } from './tensor-proto.ts';

/** protobuf and onnxruntime stop at 2^31 - 1 bytes in one message; the rest is room for their bookkeeping. */
const MAX_MESSAGE = 2 ** 31 - 2 ** 20;
/** Tensors below this stay inline, as onnx.save_model does (size_threshold). */
const MIN_EXTERNAL = 1024;
/** External payloads start on a page, so that readers can map the file. */
const PAGE = 4096;

export interface WriteOptions {
  /** true: weights in `FILE.onnx_data`; false: inline; 'auto' (default): as the model was read, external above 2 GB in any case. */
  readonly externalData?: boolean | 'auto';
  /** Leave out doc strings and metadata of nodes, values and graphs: exporters write stack traces with file paths there. */
  readonly stripMetadata?: boolean;
  /** Called with the bytes written so far and in all. */
  readonly progress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
  /** What to call the file in messages; default its path. */
  readonly name?: string;
  /** Bytes one file may have, for tests; the default is protobuf's limit of 2 GB. */
  readonly maxMessage?: number;
}

/** What was written. */
export interface Written {
  readonly path: string;
  /** Bytes of the model and its external data. */
  readonly bytes: number;
  /** Path of the external data file, where one was written. */
  readonly dataPath?: string;
}

/**
 * Write `model` to `path` (and `path` with `_data` appended to its name, for external data). Existing files are overwritten: the caller
 * writes under a temporary name and renames. Memory: the skeleton and one tensor at a time. Throws UsageError where the file system
 * refuses, ModelError where the weights cannot be read any more.
 */
export function writeModel(model: Model, path: string, options: WriteOptions = {}): Written {
  const payloads: Payload[] = [];
  const message = modelProtoOf(model, { payloads, strip: options.stripMetadata ?? false });
  const inline = payloads.reduce((sum, payload) => sum + payload.tensor.byteLength, 0);
  const wanted = options.externalData ?? 'auto';
  const encoded = encodeModel(message);
  const limit = options.maxMessage ?? MAX_MESSAGE;
  const external =
    wanted === 'auto'
      ? inline + encoded.length > limit || payloads.some((payload) => wasExternal(payload.tensor))
      : wanted;
  const dataPath = `${path}_data`;
  refuseSources(payloads, external ? [path, dataPath] : [path]);
  const outside = external ? placeOutside(payloads, basename(dataPath)) : { chunks: [], size: 0 };
  const { chunks, size } = lower(external ? encodeModel(message) : encoded, payloads);
  if (size > limit) {
    throw new ModelError(`${path}: expected a model file below 2 GB, found ${size} bytes: write it with external data`);
  }
  const total = size + outside.size;
  const report = (done: number): void => {
    options.signal?.throwIfAborted();
    options.progress?.(done, total);
  };
  const hasData = outside.size > 0;
  const name = options.name ?? path;
  if (hasData) writeChunks(dataPath, `${name}_data`, outside.chunks, report);
  writeChunks(path, name, chunks, (done) => report(outside.size + done));
  return { path, bytes: total, ...(hasData ? { dataPath } : {}) };
}

/** Weights are read while the file is written: it cannot be the file they are read from. */
function refuseSources(payloads: readonly Payload[], targets: readonly string[]): void {
  const read = new Set(payloads.flatMap(({ tensor }) => (tensor.slice ? [tensor.slice.path] : [])));
  const sources = new Set([...read].filter((path) => existsSync(path)).map((path) => realpathSync(path)));
  const target = targets.find((path) => existsSync(path) && sources.has(realpathSync(path)));
  if (target) throw new ModelError(`${target}: expected a new file, found the one the model's weights are read from`);
}

function wasExternal(tensor: Tensor): boolean {
  return (tensor.stored as StoredTensor | undefined)?.external === true;
}

/**
 * Write a model whose weights stay in the files they were read from: a small file that refers to them as external data.
 * Only for models read from files below the folder of `path`; it serves to load a large model without copying its weights.
 */
export function writeReference(model: Model, path: string): void {
  const payloads: Payload[] = [];
  const message = modelProtoOf(model, { payloads, strip: false });
  for (const { tensor, message: stored } of payloads) {
    if (!tensor.slice || tensor.byteLength < MIN_EXTERNAL) continue;
    refer(stored, relative(dirname(path), tensor.slice.path), tensor.slice.offset, tensor.byteLength);
  }
  writeChunks(path, path, lower(encodeModel(message), payloads).chunks, () => {});
}

/** Make a message name a place in another file instead of a payload. */
function refer(message: Payload['message'], location: string, offset: number, length: number): void {
  delete message.lifted;
  message.dataLocation = 1;
  message.externalData = Object.entries({ location, offset: String(offset), length: String(length) }).map(
    ([key, value]) => ({ key, value }),
  );
}

/** Give large payloads a place in the data file: their messages get external_data instead of a marker. */
function placeOutside(payloads: readonly Payload[], location: string): { chunks: Chunk[]; size: number } {
  const chunks: Chunk[] = [];
  let at = 0;
  for (const payload of payloads) {
    const length = payload.tensor.byteLength;
    if (length < MIN_EXTERNAL) continue;
    const padding = (PAGE - (at % PAGE)) % PAGE;
    if (padding > 0) chunks.push(new Uint8Array(padding));
    at += padding;
    refer(payload.message, location, at, length);
    chunks.push(payload);
    at += length;
  }
  return { chunks, size: at };
}

/** Write chunks to a file, flushed to disk. Throws UsageError where the file system refuses. */
function writeChunks(path: string, name: string, chunks: readonly Chunk[], progress: (done: number) => void): void {
  const fd = writing(name, () => openSync(path, 'w'));
  let done = 0;
  const put = (bytes: Uint8Array): void =>
    writing(name, () => {
      for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at, bytes.length - at);
      done += bytes.length;
    });
  try {
    for (const chunk of chunks) {
      if (chunk instanceof Uint8Array) put(chunk);
      else eachPiece(chunk.tensor, 16, put);
      progress(done);
    }
    writing(name, () => fsyncSync(fd)); // a full disk may show only now
  } finally {
    closeSync(fd);
  }
}
