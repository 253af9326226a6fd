// A model file as a tree of all its protobuf fields, known to any schema or not: what a round trip must leave equal.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Fields in order of their number; repeated ones keep their order. */
export type Tree = readonly { readonly field: number; readonly value: string | Tree }[];

/** Message fields to walk into; everything else is compared byte for byte. */
const children: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  Model: { 7: 'Graph', 8: 'Opset', 14: 'Entry', 25: 'Function' },
  Graph: { 1: 'Node', 5: 'Tensor', 11: 'Value', 12: 'Value', 13: 'Value', 14: 'Annotation', 15: 'Sparse', 16: 'Entry' },
  Node: { 5: 'Attribute', 9: 'Entry' },
  Attribute: { 5: 'Tensor', 6: 'Graph', 10: 'Tensor', 11: 'Graph', 22: 'Sparse', 23: 'Sparse' },
  Tensor: { 13: 'Entry', 16: 'Entry' },
  Sparse: { 1: 'Tensor', 2: 'Tensor' },
  Value: { 2: 'Type', 4: 'Entry' },
  Type: { 1: 'TensorType' },
  TensorType: { 2: 'Shape' },
  Shape: { 1: 'Dim' },
  Annotation: { 2: 'Entry' },
  Function: { 7: 'Node', 9: 'Opset', 11: 'Attribute', 12: 'Value', 14: 'Entry' },
  Opset: {},
  Entry: {},
  Dim: {},
};

/** Repeated numbers, which may be written packed or one by one: wire type of an element. */
const packable: Readonly<Record<string, Readonly<Record<number, number>>>> = {
  Attribute: { 7: 5, 8: 0 },
  Tensor: { 1: 0, 4: 5, 5: 0, 7: 0, 10: 1, 11: 0 },
  Sparse: { 3: 0 },
};

/** The tree of a model file, its external data as if it stood inline. */
export function wireTree(path: string): Tree {
  return walk(readFileSync(path), 'Model', dirname(path));
}

function walk(bytes: Buffer, name: string, folder: string): Tree {
  const fields: { field: number; value: string | Tree }[] = [];
  for (let at = 0; at < bytes.length;) {
    const [tag, body] = varint(bytes, at);
    const field = Number(tag >> 3n);
    const wire = Number(tag & 7n);
    const [content, next] = read(bytes, body, wire);
    at = next;
    const child = children[name]?.[field];
    const element = packable[name]?.[field];
    if (wire === 2 && child) fields.push({ field, value: walk(content, child, folder) });
    else if (wire === 2 && element !== undefined) {
      for (let i = 0; i < content.length;) {
        const [item, after] = read(content, i, element);
        fields.push({ field, value: item.toString('hex') });
        i = after;
      }
    } else fields.push({ field, value: content.length > 256 ? sha256(content) : content.toString('hex') });
  }
  const sorted = fields.toSorted((a, b) => a.field - b.field);
  return name === 'Tensor' ? inlined(sorted, folder) : sorted;
}

/** external_data (13) and data_location (14) become raw_data (9). */
function inlined(fields: Tree, folder: string): Tree {
  if (!fields.some(({ field, value }) => field === 14 && value === '01')) return fields;
  const entries = new Map<string, string>();
  for (const { field, value } of fields) {
    if (field !== 13 || typeof value === 'string') continue;
    const text = (key: number): string =>
      Buffer.from(String(value.find((part) => part.field === key)?.value ?? ''), 'hex').toString();
    entries.set(text(1), text(2));
  }
  const file = readFileSync(join(folder, entries.get('location') ?? ''));
  const offset = Number(entries.get('offset') ?? 0);
  const length = entries.get('length');
  const data = file.subarray(offset, length === undefined ? undefined : offset + Number(length));
  const raw = { field: 9, value: data.length > 256 ? sha256(data) : data.toString('hex') };
  return [...fields.filter(({ field }) => field !== 13 && field !== 14), raw].toSorted((a, b) => a.field - b.field);
}

/** One value: a varint without padding, fixed bytes, or a length's content. */
function read(bytes: Buffer, at: number, wire: number): [Buffer, number] {
  if (wire === 0) {
    const [value, next] = varint(bytes, at);
    const hex = value.toString(16);
    return [Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex'), next];
  }
  const [start, length] = wire === 2 ? [varint(bytes, at)[1], Number(varint(bytes, at)[0])] : [at, wire === 1 ? 8 : 4];
  return [bytes.subarray(start, start + length), start + length];
}

function varint(bytes: Buffer, at: number): [bigint, number] {
  let value = 0n;
  for (let i = 0; ; i++) {
    const byte = bytes[at + i]!;
    value |= BigInt(byte & 127) << BigInt(7 * i);
    if (byte < 128) return [value, at + i + 1];
  }
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
