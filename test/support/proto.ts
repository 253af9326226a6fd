// Protobuf bytes by hand, without the code under test: so that tests can write fields that no schema of ours knows.

export type Bytes = Uint8Array;

/** A varint of any int64 or uint64 value. */
export function varint(value: number | bigint): Bytes {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  do {
    bytes.push(Number(rest & 127n) | (rest > 127n ? 128 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Uint8Array.from(bytes);
}

export function concat(...parts: readonly Bytes[]): Bytes {
  return new Uint8Array(Buffer.concat(parts));
}

export function tag(field: number, wire: number): Bytes {
  return varint(field * 8 + wire);
}

/** Wire type 0. */
export function int(field: number, value: number | bigint): Bytes {
  return concat(tag(field, 0), varint(value));
}

/** Wire type 2: text, bytes, or the parts of a message. */
export function len(field: number, ...parts: readonly (string | Bytes)[]): Bytes {
  const body = concat(...parts.map((part) => (typeof part === 'string' ? new TextEncoder().encode(part) : part)));
  return concat(tag(field, 2), varint(body.length), body);
}

/** Wire type 5, a float32. */
export function float(field: number, value: number): Bytes {
  return concat(tag(field, 5), bytesOf(Float32Array.of(value)));
}

export function bytesOf(array: ArrayBufferView): Bytes {
  return new Uint8Array(array.buffer.slice(array.byteOffset, array.byteOffset + array.byteLength) as ArrayBuffer);
}

/** TensorProto's content: dims, data_type, name, then whatever holds the data. */
export function tensor(
  name: string,
  type: number,
  dims: readonly (number | bigint)[],
  ...data: readonly Bytes[]
): Bytes {
  return concat(...dims.map((dim) => int(1, dim)), int(2, type), len(8, name), ...data);
}

/** NodeProto's content. */
export function node(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  ...rest: readonly Bytes[]
): Bytes {
  return concat(...inputs.map((name) => len(1, name)), ...outputs.map((name) => len(2, name)), len(4, op), ...rest);
}

/** AttributeProto's content. */
export function attribute(name: string, type: number, ...value: readonly Bytes[]): Bytes {
  return concat(len(1, name), ...value, int(20, type));
}

/** ValueInfoProto's content: a tensor type. */
export function value(name: string, type = 1, ...dims: readonly (number | string)[]): Bytes {
  const shape = dims.map((dim) => len(1, typeof dim === 'number' ? int(1, dim) : len(2, dim)));
  return concat(len(1, name), len(2, len(1, int(1, type), len(2, ...shape))));
}

/** GraphProto's content of nodes, initializers, inputs and outputs, each its content. */
export function graph(parts: {
  readonly nodes?: readonly Bytes[];
  readonly initializers?: readonly Bytes[];
  readonly inputs?: readonly Bytes[];
  readonly outputs?: readonly Bytes[];
  readonly rest?: readonly Bytes[];
}): Bytes {
  return concat(
    ...(parts.nodes ?? []).map((body) => len(1, body)),
    len(2, 'g'),
    ...(parts.initializers ?? []).map((body) => len(5, body)),
    ...(parts.inputs ?? []).map((body) => len(11, body)),
    ...(parts.outputs ?? []).map((body) => len(12, body)),
    ...(parts.rest ?? []),
  );
}

/** A ModelProto of IR 8, opset 17, around a graph's content. */
export function model(graphBody: Bytes, ...rest: readonly Bytes[]): Bytes {
  return concat(int(1, 8), len(2, 'test'), len(7, graphBody), len(8, int(2, 17)), ...rest);
}

/** x -> Identity -> y, with initializers that nobody reads: the smallest model that carries `initializers`. */
export function holder(...initializers: readonly Bytes[]): Bytes {
  return model(
    graph({
      nodes: [node('Identity', ['x'], ['y'])],
      initializers,
      inputs: [value('x', 1, 1)],
      outputs: [value('y', 1, 1)],
    }),
  );
}
