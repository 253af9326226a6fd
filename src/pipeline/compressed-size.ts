// Bytes of files under gzip and zstd: what zeros save on the way to a user, and nowhere else.
import { createReadStream } from 'node:fs';
import type { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import zlib from 'node:zlib';

export interface CompressedSize {
  readonly gzip: number;
  /** Absent where Node's zlib has no zstd (before 22.15). */
  readonly zstd?: number;
}

/** Of the files together, each compressed for itself at the default level (gzip 6, zstd 3). */
export async function compressedSize(paths: readonly string[], signal?: AbortSignal): Promise<CompressedSize> {
  const zstd = zstdCompressor();
  const [gzip, smaller] = await Promise.all([
    total(paths, () => zlib.createGzip(), signal),
    zstd && total(paths, zstd, signal),
  ]);
  return { gzip, ...(smaller === undefined ? {} : { zstd: smaller }) };
}

/** Node 22.15 has one; the types are those of Node 20. */
function zstdCompressor(): (() => Transform) | undefined {
  const found: unknown = Reflect.get(zlib, 'createZstdCompress');
  return typeof found === 'function' ? (found as () => Transform) : undefined;
}

async function total(paths: readonly string[], compressor: () => Transform, signal?: AbortSignal): Promise<number> {
  let bytes = 0;
  for (const path of paths) {
    const count = async (chunks: AsyncIterable<Buffer>): Promise<void> => {
      for await (const chunk of chunks) bytes += chunk.length;
    };
    await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), compressor(), count, signal ? { signal } : {});
  }
  return bytes;
}
