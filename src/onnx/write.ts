// Writing a model: the skeleton from protobufjs, the weights streamed one at a time, inline or as external data.
import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { basename } from 'node:path';
import { ModelError } from '../errors.ts';
import type { Model } from '../ir/graph.ts';
import { eachPiece, type Tensor } from '../ir/tensor.ts';
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
  /** Called with the bytes written so far and in all. */
  readonly progress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** What was written. */
export interface Written {
  readonly path: string;
  /** Bytes of the model and its external data. */
  readonly bytes: number;
  /** Hex SHA-256 of the .onnx file. */
  readonly sha256: string;
  /** Path of the external data file, where one was written. */
  readonly dataPath?: string;
}

/**
 * Write `model` to `path` (and `path` with `_data` appended to its name, for external data). Existing files are overwritten: the caller
 * writes under a temporary name and renames. Memory: the skeleton and one tensor at a time.
 */
export function writeModel(model: Model, path: string, options: WriteOptions = {}): Written {
  const payloads: Payload[] = [];
  const message = modelProtoOf(model, payloads);
  const inline = payloads.reduce((sum, payload) => sum + payload.tensor.byteLength, 0);
  const wanted = options.externalData ?? 'auto';
  const external = wanted === 'auto' ? inline > MAX_MESSAGE || payloads.some((payload) => wasExternal(payload.tensor)) : wanted;
  const dataName = `${basename(path)}_data`;
  const outside = external ? placeOutside(payloads, dataName) : { chunks: [], size: 0 };
  const { chunks, size } = lower(encodeModel(message), payloads);
  if (size > MAX_MESSAGE) {
    throw new ModelError(`${path}: expected a model file below 2 GB, found ${size} bytes: write it with external data`);
  }
  const total = size + outside.size;
  const report = (done: number): void => {
    options.signal?.throwIfAborted();
    options.progress?.(done, total);
  };
  const dataPath = `${path}_data`;
  if (external) writeChunks(dataPath, outside.chunks, report);
  const sha256 = writeChunks(path, chunks, (done) => report(outside.size + done));
  return { path, bytes: total, sha256, ...(external ? { dataPath } : {}) };
}

function wasExternal(tensor: Tensor): boolean {
  return (tensor.stored as StoredTensor | undefined)?.external === true;
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
    delete payload.message.lifted;
    payload.message.dataLocation = 1;
    payload.message.externalData = Object.entries({ location, offset: String(at), length: String(length) }).map(([key, value]) => ({ key, value }));
    chunks.push(payload);
    at += length;
  }
  return { chunks, size: at };
}

/** Write chunks to a file, flushed to disk; gives the SHA-256. */
function writeChunks(path: string, chunks: readonly Chunk[], progress: (done: number) => void): string {
  const hash = createHash('sha256');
  const fd = openSync(path, 'w');
  let done = 0;
  const put = (bytes: Uint8Array): void => {
    hash.update(bytes);
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at);
    done += bytes.length;
  };
  try {
    for (const chunk of chunks) {
      if (chunk instanceof Uint8Array) put(chunk);
      else eachPiece(chunk.tensor, 1, put);
      progress(done);
    }
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  return hash.digest('hex');
}

