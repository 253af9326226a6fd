// Reading a file larger than memory should bear costs milliseconds and kilobytes: it has holes instead of weights.
import { closeSync, ftruncateSync, openSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { eachPiece, type Tensor } from '../../src/ir/tensor.ts';
import { readModel } from '../../src/onnx/read.ts';
import * as pb from '../support/proto.ts';
import { tempDir } from '../support/temp.ts';
import { cpuTimeOf } from '../support/cpu-time.ts';

const GIB = 2 ** 30;

/** A model whose initializer `w` is 3 GiB of zeros, then its name and a second tensor behind it. */
function sparseFile(): string {
  const path = join(tempDir(), 'model.onnx');
  const size = 3 * GIB;
  const head = pb.concat(pb.int(1, size / 4), pb.int(2, 1), pb.tag(9, 2), pb.varint(size));
  const tail = pb.len(8, 'w');
  const initializer = pb.concat(pb.tag(5, 2), pb.varint(head.length + size + tail.length), head);
  const rest = pb.graph({
    nodes: [pb.node('Identity', ['x'], ['y'])],
    initializers: [pb.tensor('v', 1, [512], pb.len(9, new Uint8Array(2048).fill(7)))],
    inputs: [pb.value('x', 1, 1)],
    outputs: [pb.value('y', 1, 1)],
  });
  const graph = pb.concat(pb.tag(7, 2), pb.varint(initializer.length + size + tail.length + rest.length), initializer);
  const start = pb.concat(pb.int(1, 8), pb.len(8, pb.int(2, 17)), graph);
  const fd = openSync(path, 'w');
  writeSync(fd, start, 0, start.length, 0);
  ftruncateSync(fd, start.length + size);
  const end = pb.concat(tail, rest);
  writeSync(fd, end, 0, end.length, start.length + size);
  closeSync(fd);
  return path;
}

test('a model of 3 GiB is read in milliseconds and no memory', () => {
  const path = sparseFile();
  expect(statSync(path).size).toBeGreaterThan(3 * GIB);
  const before = process.memoryUsage().rss;
  let initializers = new Map<string, Tensor>();
  const elapsed = cpuTimeOf(() => ({ initializers } = readModel(path).graph));
  const grown = process.memoryUsage().rss - before;
  expect(initializers.get('w')).toMatchObject({ byteLength: 3 * GIB, shape: [0.75 * GIB] });
  expect(initializers.get('v')!.slice!.offset).toBeGreaterThan(3 * GIB);
  expect(initializers.get('v')!.bytes()).toEqual(new Uint8Array(2048).fill(7));
  expect(elapsed).toBeLessThan(500);
  expect(grown).toBeLessThan(100 * 2 ** 20);
});

test('a part of a tensor on disk is read without the rest', () => {
  const tensor = readModel(sparseFile()).graph.initializers.get('w')!;
  const into = new Uint8Array(100).fill(1);
  tensor.readInto!(into, 3 * GIB - 100);
  expect(into).toEqual(new Uint8Array(100));
  let pieces = 0;
  const small = readModel(sparseFile()).graph.initializers.get('v')!;
  eachPiece(small, 4, (bytes, offset) => {
    pieces++;
    expect(offset).toBe(0);
    expect(bytes).toEqual(new Uint8Array(2048).fill(7));
  });
  expect(pieces).toBe(1);
});

test('many tensors cost as many reads as there are windows, not one a tensor', () => {
  const path = join(tempDir(), 'model.onnx');
  const tensors = Array.from({ length: 3000 }, (_, i) =>
    pb.tensor(`w${i}`, 1, [300], pb.len(9, new Uint8Array(1200).fill(i % 256))),
  );
  const fd = openSync(path, 'w');
  writeSync(fd, pb.holder(...tensors));
  closeSync(fd);
  let initializers = new Map<string, Tensor>();
  expect(cpuTimeOf(() => ({ initializers } = readModel(path).graph))).toBeLessThan(500);
  expect(initializers.get('w2999')!.bytes()).toEqual(new Uint8Array(1200).fill(2999 % 256));
});
