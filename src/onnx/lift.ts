// Reading without loading: walks a model file's headers, leaves large payloads where they are and gives the small rest (the skeleton).
import { ModelError } from '../errors.ts';
import { MAX_DEPTH, PAYLOAD_FIELDS, toTensors, type MessageName } from './paths.ts';
import { LIFTED_FIELD } from './schema.ts';
import { LENGTH_DELIMITED, lengthHeader, readField, varint, type ByteSource } from './wire.ts';

/** A payload left in the file: its range and the TensorProto field it stands in (4, 9 or 10). */
export interface LiftedPayload {
  readonly field: number;
  readonly offset: number;
  readonly length: number;
}

export interface Lifted {
  /** The model's bytes without the lifted payloads; each stands there as an index (`TensorProto.lifted`). */
  readonly skeleton: Uint8Array;
  readonly payloads: readonly LiftedPayload[];
}

/** Payloads below this stay in the skeleton: a slice object costs as much as the bytes. */
const MIN_PAYLOAD = 1024;
/** A graph of 100,000 nodes with stack traces is 200 MB; a skeleton larger than this is no encoder and would fill memory. */
const MAX_SKELETON = 512 * 1024 * 1024;

/** Every field becomes objects: 100,000 nodes with ten entries each are fewer than this, a file of empty nodes would fill memory. */
const MAX_FIELDS = 2 ** 20;

/** Most bytes of TensorProto's packed int64 fields, whose numbers become objects: dims 64 of 10 bytes, int64_data and uint64_data 16 MiB. */
const maxPacked: Readonly<Record<number, number>> = { 1: 640, 7: 2 ** 24, 11: 2 ** 24 };

type Part = Uint8Array | { readonly offset: number; readonly length: number };

/** Walk a whole model. Throws ModelError, `where` in front, where the bytes are not protobuf. */
export function lift(source: ByteSource, where: string): Lifted {
  const payloads: LiftedPayload[] = [];
  try {
    const parts: Part[] = [];
    const count = { fields: 0 };
    const size = liftMessage(source, 'ModelProto', 0, source.length, 0, parts, payloads, count);
    if (size > MAX_SKELETON) {
      throw new RangeError(
        `expected a graph below ${MAX_SKELETON / 2 ** 20} MiB besides its weights, found ${Math.ceil(size / 2 ** 20)} MiB`,
      );
    }
    return { skeleton: join(source, parts, size), payloads };
  } catch (error) {
    if (error instanceof RangeError)
      throw new ModelError(`${where}: not a readable ONNX model: ${error.message}`, { cause: error });
    throw error;
  }
}

/** Append the skeleton of one message to `parts`; returns its length. */
function liftMessage(
  source: ByteSource,
  name: MessageName,
  start: number,
  end: number,
  depth: number,
  parts: Part[],
  payloads: LiftedPayload[],
  count: { fields: number },
): number {
  if (depth > MAX_DEPTH) throw new RangeError(`expected messages at most ${MAX_DEPTH} deep, found more`);
  const inner = toTensors[name];
  let size = 0;
  let copiedTo = start; // everything before it is in `parts`
  const copyUpTo = (offset: number): void => {
    if (offset > copiedTo) parts.push({ offset: copiedTo, length: offset - copiedTo });
    size += offset - copiedTo;
    copiedTo = offset;
  };
  for (let at = start; at < end;) {
    const field = readField(source, at, end);
    at = field.end;
    if (++count.fields > MAX_FIELDS)
      throw new RangeError(`expected at most ${MAX_FIELDS} fields in a graph, found more`);
    if (field.wire !== LENGTH_DELIMITED || field.end - field.body < MIN_PAYLOAD) continue;
    const child = inner[field.number];
    if (child) {
      copyUpTo(field.start);
      const childParts: Part[] = [];
      const childSize = liftMessage(source, child, field.body, field.end, depth + 1, childParts, payloads, count);
      const header = lengthHeader(field.number, childSize);
      parts.push(header);
      for (const part of childParts) parts.push(part);
      size += header.length + childSize;
      copiedTo = field.end;
    } else if (name === 'TensorProto' && PAYLOAD_FIELDS.has(field.number)) {
      copyUpTo(field.start);
      const marker = Uint8Array.of(...varint(LIFTED_FIELD * 8), ...varint(payloads.length));
      payloads.push({ field: field.number, offset: field.body, length: field.end - field.body });
      parts.push(marker);
      size += marker.length;
      copiedTo = field.end;
    } else if (name === 'TensorProto' && field.end - field.body > (maxPacked[field.number] ?? Infinity)) {
      const found = `${field.end - field.body} bytes in field ${field.number}`;
      throw new RangeError(
        `byte ${field.start}: expected at most ${maxPacked[field.number]} packed bytes, found ${found}`,
      );
    }
  }
  copyUpTo(end);
  return size;
}

function join(source: ByteSource, parts: readonly Part[], size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part instanceof Uint8Array ? part : source.read(part.offset, part.length), at);
    at += part.length;
  }
  return bytes;
}
