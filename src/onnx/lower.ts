// Writing without loading: turns an encoded skeleton and its payloads into a stream of a model's bytes (the reverse of lift.ts).
import type { Payload } from './from-ir.ts';
import { toTensors, type MessageName } from './paths.ts';
import { LIFTED_FIELD } from './schema.ts';
import { LENGTH_DELIMITED, lengthHeader, memorySource, readField, VARINT, type ByteSource } from './wire.ts';

/** Bytes, or a payload whose bytes are fetched when they are written. */
export type Chunk = Uint8Array | Payload;

/** The model's chunks in order, and its length in bytes. `skeleton` was encoded by us, so that its form is trusted. */
export function lower(skeleton: Uint8Array, payloads: readonly Payload[]): { chunks: Chunk[]; size: number } {
  const chunks: Chunk[] = [];
  const size = lowerMessage(memorySource(skeleton), 'ModelProto', 0, skeleton.length, payloads, chunks);
  return { chunks, size };
}

function lowerMessage(
  source: ByteSource,
  name: MessageName,
  start: number,
  end: number,
  payloads: readonly Payload[],
  chunks: Chunk[],
): number {
  const inner = toTensors[name];
  let size = 0;
  let copiedTo = start;
  const copyUpTo = (offset: number): void => {
    if (offset > copiedTo) chunks.push(source.read(copiedTo, offset - copiedTo));
    size += offset - copiedTo;
    copiedTo = offset;
  };
  for (let at = start; at < end;) {
    const field = readField(source, at, end);
    at = field.end;
    const child = inner[field.number];
    if (child && field.wire === LENGTH_DELIMITED) {
      copyUpTo(field.start);
      const childChunks: Chunk[] = [];
      const childSize = lowerMessage(source, child, field.body, field.end, payloads, childChunks);
      const header = lengthHeader(field.number, childSize);
      chunks.push(header);
      for (const chunk of childChunks) chunks.push(chunk);
      size += header.length + childSize;
      copiedTo = field.end;
    } else if (name === 'TensorProto' && field.number === LIFTED_FIELD && field.wire === VARINT) {
      copyUpTo(field.start);
      const payload = payloads[readIndex(source, field.body, field.end)]!;
      const header = lengthHeader(payload.field, payload.tensor.byteLength);
      chunks.push(header, payload);
      size += header.length + payload.tensor.byteLength;
      copiedTo = field.end;
    }
  }
  copyUpTo(end);
  return size;
}

function readIndex(source: ByteSource, start: number, end: number): number {
  return source.read(start, end - start).reduceRight((value, byte) => value * 128 + (byte & 0x7f), 0);
}
