// External data read from one file or many, and written: where the bytes lie, that they come back, when it happens by itself.
import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ModelError } from '../../src/errors.ts';
import { cloneModel } from '../../src/ir/clone.ts';
import { floats, lazyTensor } from '../../src/ir/tensor.ts';
import { readModel } from '../../src/onnx/read.ts';
import { writeModel } from '../../src/onnx/write.ts';
import { externalTensor } from '../support/external.ts';
import { readByOnnxProto } from '../support/equal-model.ts';
import * as pb from '../support/proto.ts';
import { sha256, written } from '../support/round-trip.ts';
import { tempDir, writeTemp } from '../support/temp.ts';
import { tinyBert } from '../support/bert.ts';

const ramp = (count: number, from = 0): Uint8Array => Uint8Array.from({ length: count }, (_, i) => (i + from) % 251);

/** A model of these tensors, with files beside it. */
function beside(files: Readonly<Record<string, Uint8Array>>, ...tensors: readonly Uint8Array[]): string {
  const path = writeTemp(pb.holder(...tensors));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(dirname(path), name)), { recursive: true });
    writeFileSync(join(dirname(path), name), content);
  }
  return path;
}

const bytesOf = (path: string, name: string): Uint8Array => readModel(path).graph.initializers.get(name)!.bytes();

describe('reading', () => {
  test('one file, at offsets', () => {
    const path = beside(
      { 'w.bin': ramp(5000) },
      externalTensor('a', [1000], 'w.bin', { offset: '1000' }),
      externalTensor('b', [100], 'w.bin', { offset: '0', length: '400' }),
    );
    expect(bytesOf(path, 'a')).toEqual(ramp(5000).subarray(1000));
    expect(bytesOf(path, 'b')).toEqual(ramp(400));
  });

  test('many files, in a folder below, without offset and length', () => {
    const path = beside(
      { 'd/a.bin': ramp(400), b: ramp(900, 3) },
      externalTensor('a', [100], 'd/a.bin'),
      externalTensor('b', [100], './b'),
    );
    expect(bytesOf(path, 'a')).toEqual(ramp(400));
    expect(bytesOf(path, 'b')).toEqual(ramp(400, 3));
  });

  test('the last of a repeated key counts, unknown keys are passed over', () => {
    const repeated = pb.len(13, pb.len(1, 'offset'), pb.len(2, '4'));
    const path = beside(
      { w: ramp(404) },
      pb.concat(externalTensor('a', [100], 'w', { offset: '0', checksum: 'abc' }), repeated),
    );
    expect(bytesOf(path, 'a')).toEqual(ramp(400, 4));
  });

  test("links into a cache: model and data both point there, as in Hugging Face's", () => {
    const cache = tempDir();
    const blobs = join(cache, 'blobs');
    const snapshot = join(cache, 'snapshots', 'main');
    mkdirSync(blobs);
    mkdirSync(snapshot, { recursive: true });
    writeFileSync(join(blobs, '1'), pb.holder(externalTensor('a', [100], 'model.onnx_data')));
    writeFileSync(join(blobs, '2'), ramp(400));
    symlinkSync(join(blobs, '1'), join(snapshot, 'model.onnx'));
    symlinkSync(join(blobs, '2'), join(snapshot, 'model.onnx_data'));
    expect(bytesOf(join(snapshot, 'model.onnx'), 'a')).toEqual(ramp(400));
  });

  test('a model named without a folder', () => {
    const path = beside({ w: ramp(400) }, externalTensor('a', [100], 'w'));
    const before = process.cwd();
    process.chdir(dirname(path));
    try {
      expect(bytesOf('model.onnx', 'a')).toEqual(ramp(400));
    } finally {
      process.chdir(before);
    }
  });
});

describe('writing', () => {
  const model = tinyBert({ hidden: 32, heads: 2, ffn: 64, vocabulary: 100 });

  test('weights of a kibibyte or more lie in a file beside the model, each on a page of its own', () => {
    const out = written(model, { externalData: true });
    expect(out.dataPath).toBe(`${out.path}_data`);
    expect(out.bytes).toBe(statSync(out.path).size + statSync(out.dataPath!).size);
    const read = readModel(out.path);
    for (const [name, tensor] of read.graph.initializers) {
      const before = model.graph.initializers.get(name)!;
      expect(tensor.bytes(), name).toEqual(before.bytes());
      expect(tensor.slice?.path === out.dataPath, name).toBe(before.byteLength >= 1024);
      if (tensor.slice) expect(tensor.slice.offset % 4096, name).toBe(0);
    }
  });

  test('says the same as the model written in one file, by an independent reader', () => {
    expect(readByOnnxProto(written(model, { externalData: true }).path)).toEqual(readByOnnxProto(written(model).path));
    expect(written(model, { externalData: true }).path).toEqualModel(written(model, { externalData: false }).path);
  });

  test('twice gives the same bytes in both files', () => {
    const [a, b] = [written(model, { externalData: true }), written(model, { externalData: true })];
    expect(sha256(a.path)).toBe(sha256(b.path));
    expect(readFileSync(a.dataPath!).equals(readFileSync(b.dataPath!))).toBe(true);
  });

  test("'auto' leaves external external and inline inline; false brings all inside", () => {
    const inline = written(model);
    expect(inline.dataPath).toBeUndefined();
    const out = written(model, { externalData: true });
    const again = written(readModel(out.path));
    expect(sha256(again.path)).toBe(sha256(out.path));
    expect(readFileSync(again.dataPath!).equals(readFileSync(out.dataPath!))).toBe(true);
    const back = written(readModel(out.path), { externalData: false });
    expect(back.dataPath).toBeUndefined();
    expect(back.path).toEqualModel(inline.path);
    expect(existsSync(`${back.path}_data`)).toBe(false);
  });

  test('a model without large weights gets no data file', () => {
    const out = written(tinyBert({ hidden: 4, ffn: 4, vocabulary: 10 }), { externalData: true });
    expect(out.dataPath).toBeUndefined();
    expect(existsSync(`${out.path}_data`)).toBe(false);
  });

  test('many files become one', () => {
    const path = beside(
      { a: ramp(4000), b: ramp(4000, 9) },
      externalTensor('a', [1000], 'a'),
      externalTensor('b', [1000], 'b'),
    );
    const out = written(readModel(path));
    expect(out.path).toEqualModel(path);
    expect(statSync(out.dataPath!).size).toBe(4096 + 4000);
  });

  test('weights in float_data go outside as raw bytes', () => {
    const data = Float32Array.from({ length: 500 }, (_, i) => i);
    const path = writeTemp(pb.holder(pb.tensor('a', 1, [500], pb.len(4, pb.bytesOf(data)))));
    expect(bytesOf(written(readModel(path), { externalData: true }).path, 'a')).toEqual(pb.bytesOf(data));
  });

  test('weights of subgraphs, Constant nodes and sparse tensors go outside too', () => {
    const large = (name: string, fill: number): Uint8Array =>
      pb.tensor(name, 1, [512], pb.len(9, new Uint8Array(2048).fill(fill)));
    const constant = pb.node('Constant', [], ['c'], pb.len(5, pb.attribute('value', 4, pb.len(5, large('', 1)))));
    const branch = pb.graph({
      nodes: [pb.node('Add', ['c', 'w'], ['z'])],
      initializers: [large('w', 2)],
      outputs: [pb.value('z', 1, 512)],
    });
    const both = ['then_branch', 'else_branch'].map((name) => pb.len(5, pb.attribute(name, 5, pb.len(6, branch))));
    const sparse = pb.len(
      15,
      pb.len(1, large('sp', 3)),
      pb.len(2, pb.tensor('at', 7, [512], pb.len(9, new Uint8Array(4096)))),
      pb.int(3, 9999),
    );
    const body = pb.graph({
      nodes: [constant, pb.node('If', ['x'], ['y'], ...both)],
      inputs: [pb.value('x', 9)],
      outputs: [pb.value('y', 1, 512)],
      rest: [sparse],
    });
    const path = writeTemp(pb.model(body));
    const out = written(readModel(path), { externalData: true });
    expect(statSync(out.path).size).toBeLessThan(2000);
    expect(out.path).toEqualModel(path);
  });

  test('above the size of one message it happens by itself', () => {
    const limit = 30_000;
    const out = written(model, { maxMessage: limit });
    expect(statSync(out.path).size).toBeLessThan(limit);
    expect(out.path).toEqualModel(written(model).path);
    expect(() => written(model, { maxMessage: limit, externalData: false })).toThrow(ModelError);
    const doc = { ...cloneModel(model), metadata: new Map([['notes', 'n'.repeat(29_000)]]) };
    expect(written(doc, { maxMessage: 60_000 }).dataPath).toBeDefined();
  });

  test('without data bytes in memory: a tensor is made when it is written, and once', () => {
    let made = 0;
    const lazy = lazyTensor('float32', [1000], () => {
      made++;
      return new Float32Array(1000).fill(made);
    });
    const graph = { ...tinyBert().graph, initializers: new Map([...tinyBert().graph.initializers, ['lazy', lazy]]) };
    const out = written({ ...tinyBert(), graph }, { externalData: true });
    expect(made).toBe(1);
    expect(bytesOf(out.path, 'lazy')).toEqual(pb.bytesOf(new Float32Array(1000).fill(1)));
  });

  test('over a file that the weights are read from is refused, before it is touched', () => {
    const out = written(model, { externalData: true });
    const before = readFileSync(out.dataPath!);
    expect(() => writeModel(readModel(out.path), out.path)).toThrow(/expected a new file/);
    const link = join(dirname(out.path), 'link.onnx');
    const inline = written(model).path;
    linkSync(inline, join(dirname(inline), 'hard.onnx'));
    symlinkSync(inline, link);
    expect(() => writeModel(readModel(inline), link)).toThrow(ModelError);
    expect(readFileSync(out.dataPath!).equals(before)).toBe(true);
  });

  test('a file that has become shorter since it was read is told, not filled up', () => {
    const path = beside({ w: ramp(4000) }, externalTensor('a', [1000], 'w'));
    const read = readModel(path);
    writeFileSync(join(dirname(path), 'w'), ramp(100));
    expect(() => read.graph.initializers.get('a')!.bytes()).toThrow(/the file has changed/);
    expect(() => written(read)).toThrow(/the file has changed/);
  });

  test('a pass can replace one external tensor by one in memory', () => {
    const read = readModel(written(model, { externalData: true }).path);
    read.graph.initializers.set('classifier.weight', floats([32, 2], new Float32Array(64).fill(2)));
    const out = written(read);
    const moved = join(tempDir(), 'model.onnx');
    renameSync(out.path, moved);
    renameSync(out.dataPath!, `${moved}_data`);
    expect(bytesOf(moved, 'classifier.weight')).toEqual(pb.bytesOf(new Float32Array(64).fill(2)));
  });
});

test('progress counts up to all bytes of both files, and an abort stops the writing', () => {
  const seen: [number, number][] = [];
  const model = tinyBert({ hidden: 32 });
  const out = written(model, { externalData: true, progress: (done, total) => seen.push([done, total]) });
  expect(seen.at(-1)).toEqual([out.bytes, out.bytes]);
  expect(seen.map(([done]) => done)).toEqual(seen.map(([done]) => done).toSorted((a, b) => a - b));
  expect(() => written(model, { signal: AbortSignal.abort() })).toThrow(/abort/i);
});
