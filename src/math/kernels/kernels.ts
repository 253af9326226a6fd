// The WebAssembly loops of kernels.wat, started when they are first wanted, and the memory they work on.
import { wasm } from './wasm.ts';

/** The part of the WebAssembly API that is used: Node's types leave it to the DOM's. */
interface Memory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { readonly exports: unknown };
};

/** Addresses and counts are in bytes and numbers of 4 bytes; see kernels.wat. */
export interface Kernels {
  readonly memory: Memory;
  quantizeColumns(x: number, inverse: number, zero: number, out: number, n: number, min: number, max: number): void;
  quantizeRow(x: number, inverse: number, zero: number, out: number, n: number, min: number, max: number): void;
  columnMagnitudes(x: number, highest: number, n: number): void;
  rowMagnitude(x: number, n: number): number;
  float32ToFloat16(x: number, out: number, n: number, counts: number): void;
  adamW(
    w: number,
    g: number,
    m: number,
    v: number,
    n: number,
    scale: number,
    a: number,
    b: number,
    keep: number,
    rate: number,
    correct: number,
    epsilon: number,
  ): void;
  add(sum: number, more: number, n: number): void;
  sumOfSquares(x: number, n: number): number;
}

const PAGE = 65536;
let instance: Kernels | undefined;

/** The kernels, with at least `bytes` of memory. What an earlier caller left in it is gone: copy in, run, copy out. */
export function kernelsWith(bytes: number): Kernels {
  return grown((instance ??= start()), bytes);
}

/** Kernels with a memory of their own, zero at first, below 4 GiB: for arrays that stay. It costs what is written to. */
export function ownKernels(bytes: number): Kernels {
  return grown(start(), bytes);
}

function start(): Kernels {
  // the module is ours, and has these exports
  return new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(wasm, 'base64'))).exports as Kernels;
}

function grown(kernels: Kernels, bytes: number): Kernels {
  const missing = bytes - kernels.memory.buffer.byteLength;
  if (missing > 0) kernels.memory.grow(Math.ceil(missing / PAGE));
  return kernels;
}
