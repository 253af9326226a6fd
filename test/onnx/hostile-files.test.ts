// Files that are no models, or lie about themselves: refused with one line, within a second, nothing allocated because a file claims it.
import { mkdirSync, symlinkSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { readModel } from '../../src/onnx/read.ts';
import { LIFTED_FIELD } from '../../src/onnx/schema.ts';
import { refusal, refusalOf } from '../support/hostile.ts';
import * as pb from '../support/proto.ts';
import { tempDir, writeTemp } from '../support/temp.ts';
import { cpuTimeOf } from '../support/cpu-time.ts';

const x = pb.value('x', 1, 1);
const y = pb.value('y', 1, 1);
const identity = pb.node('Identity', ['x'], ['y']);
const zeros = (count: number): Uint8Array => pb.len(9, new Uint8Array(count));
const graphOf = (...nodes: readonly Uint8Array[]): Uint8Array =>
  pb.model(pb.graph({ nodes, inputs: [x], outputs: [y] }));

describe('no model at all', () => {
  test.each([
    ['an empty file', '', /empty file/],
    ['text', 'This is not a model.\n', /not a readable ONNX model/],
    ['a web page', '<!DOCTYPE html><html></html>', /not a readable ONNX model/],
    ['JSON', '{"model_type": "bert"}', /ONNX model/],
    ['a Git LFS pointer', 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n', /git lfs pull/],
    ['a GGUF file', 'GGUF\x03\0\0\0', /GGUF/],
    ['a zip archive', 'PK\x03\x04\x14\0\0\0', /zip archive/],
    ['gzip', gzipSync('x'.repeat(1000)), /ONNX model/],
    ['zeros', new Uint8Array(5000), /not a readable ONNX model/],
    ['ones', new Uint8Array(5000).fill(255), /not a readable ONNX model/],
    ['a message without a graph', pb.int(1, 8), /no graph/],
    ['a graph without an opset', pb.concat(pb.int(1, 8), pb.len(7, pb.graph({}))), /no opset/],
  ])('%s', (_title, content, message) => expect(refusalOf(content as string)).toMatch(message));

  test('no file, a folder, a device, a path through a file', () => {
    const folder = tempDir();
    expect(refusal(join(folder, 'none.onnx'))).toMatch(/found none/);
    expect(refusal(folder)).toMatch(/found a folder/);
    expect(refusal('/dev/null')).toMatch(/no regular file/);
    expect(refusal(join(writeTemp('x'), 'model.onnx'))).toMatch(/found none/);
    symlinkSync('loop', join(folder, 'loop'));
    expect(refusal(join(folder, 'loop'))).toMatch(/ELOOP/);
  });
});

test('a model cut short anywhere is refused', () => {
  const weights = pb.tensor('w', 1, [300], pb.len(9, new Uint8Array(1200).fill(1)));
  const bytes = pb.concat(
    pb.int(1, 8),
    pb.len(8, pb.int(2, 17)),
    pb.len(7, pb.graph({ nodes: [identity], initializers: [weights], inputs: [x], outputs: [y] })),
  );
  const path = writeTemp(bytes);
  readModel(path);
  const payload = bytes.indexOf(1, bytes.length - 1250) + 10;
  for (let length = bytes.length - 1; length >= 0; length -= length > payload && length < payload + 1180 ? 40 : 1) {
    truncateSync(path, length);
    expect(refusal(path), `${length} bytes`).not.toBe('');
  }
});

describe('wire format', () => {
  test.each([
    ['a length past the end of the file', pb.concat(pb.tag(7, 2), pb.varint(1000), new Uint8Array(10))],
    ['a length of 2^63', pb.concat(pb.tag(7, 2), pb.varint(2n ** 63n), new Uint8Array(10))],
    ['a length of 2^32 and a bit', pb.concat(pb.tag(7, 2), pb.varint(2 ** 32 + 4), new Uint8Array(10))],
    ['a length varint of 11 bytes', pb.concat(pb.tag(7, 2), new Uint8Array(10).fill(0x80), Uint8Array.of(1, 0))],
    ['a varint that never ends', pb.concat(pb.tag(1, 0), new Uint8Array(3000).fill(0xff))],
    ['field number 0', pb.concat(Uint8Array.of(0x02, 0), graphOf(identity))],
    ['a field number above 2^29', pb.concat(pb.varint(2n ** 40n), graphOf(identity))],
    ['a group', pb.concat(graphOf(identity), pb.tag(99, 3), pb.tag(99, 4))],
    ['a group in a small node', graphOf(pb.concat(identity, pb.tag(99, 3), pb.int(1, 1), pb.tag(99, 4)))],
    ['an end of a group', graphOf(pb.concat(identity, pb.tag(99, 4)))],
    ['wire type 6', pb.concat(graphOf(identity), pb.varint(99 * 8 + 6))],
    ['wire type 7 in a small node', graphOf(pb.concat(identity, pb.varint(99 * 8 + 7)))],
    ['a fixed64 cut short', pb.concat(graphOf(identity), pb.tag(99, 1), new Uint8Array(7))],
    [
      'a string longer than its small node',
      graphOf(pb.concat(identity, pb.tag(3, 2), pb.varint(50), new Uint8Array(3))),
    ],
    [
      'a large payload longer than its tensor',
      pb.holder(pb.concat(pb.int(1, 2000), pb.int(2, 2), pb.tag(9, 2), pb.varint(2000), new Uint8Array(1500))),
    ],
  ])('%s', (_title, bytes) => expect(refusalOf(bytes)).toMatch(/not a readable ONNX model/));

  test('a length past the end is told by its place and size', () => {
    const bytes = pb.concat(pb.int(1, 8), pb.tag(7, 2), pb.varint(2 ** 40), new Uint8Array(10));
    expect(refusalOf(bytes)).toMatch(/byte 2: field 7 claims 1099511627776 bytes, found 10 left/);
  });

  test('a graph, a node or a tensor as another wire type is not taken for one', () => {
    expect(refusalOf(pb.concat(pb.int(1, 8), pb.int(7, 5), pb.len(8, pb.int(2, 17))))).toMatch(/no graph/);
    expect(refusalOf(pb.model(pb.graph({ inputs: [x], outputs: [y], rest: [pb.int(1, 5)] })))).toMatch(
      /writer of the output/,
    );
    expect(refusalOf(pb.holder(pb.concat(pb.int(1, 2), pb.int(2, 1), pb.int(9, 8))))).toMatch(/expected 8 bytes/);
  });

  test('the field that stands for a payload in memory, set by the file', () => {
    const large = pb.tensor('a', 1, [300], zeros(1200));
    const marked = (index: number): Uint8Array => pb.concat(pb.tensor('b', 1, [300]), pb.int(LIFTED_FIELD, index));
    for (const tensors of [[large, marked(0)], [marked(0), large], [marked(0)], [marked(7)], [marked(2 ** 32 - 1)]]) {
      expect(refusalOf(pb.holder(...tensors))).toMatch(/field 536870911 in the file/);
    }
    const both = pb.concat(pb.tensor('b', 1, [300], zeros(1200)), pb.int(LIFTED_FIELD, 5));
    expect(refusalOf(pb.holder(large, both))).toMatch(/field 536870911 in the file/);
    expect(refusalOf(pb.holder(pb.concat(pb.tensor('b', 1, [300]), pb.len(LIFTED_FIELD, 'x'))))).toMatch(
      /expected 1200 bytes/,
    );
  });

  test('weights where none belong: in an attribute of another type, or twice in one tensor', () => {
    const large = pb.len(5, pb.tensor('', 1, [300], zeros(1200)));
    const node = (attr: Uint8Array): Uint8Array => graphOf(pb.concat(identity, pb.len(5, attr)));
    expect(refusalOf(node(pb.attribute('a', 1, pb.float(2, 1), large)))).toMatch(/where none belongs/);
    expect(refusalOf(node(pb.concat(pb.attribute('a', 4, large), pb.len(21, 'ref'))))).toMatch(/where none belongs/);
    expect(refusalOf(pb.holder(pb.tensor('a', 1, [300], zeros(1200), zeros(1200))))).toMatch(/where none belongs/);
  });
});

describe('tensors', () => {
  const tensors: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ['dims whose product overflows', pb.tensor('w', 1, [2 ** 31, 2 ** 31, 4], zeros(4)), /2\^50 elements/],
    ['a dim of INT64_MAX', pb.tensor('w', 1, [2n ** 63n - 1n], zeros(4)), /2\^50 elements/],
    ['an overflow behind a zero', pb.tensor('w', 1, [0, 2n ** 62n]), /2\^50 elements/],
    ['a dim of 2^40 without bytes', pb.tensor('w', 1, [2 ** 40], zeros(4)), /expected 4398046511104 bytes/],
    ['strings that are not there', pb.tensor('w', 8, [2 ** 40]), /expected 1099511627776 strings, found 0/],
    ['a negative dim', pb.tensor('w', 1, [-1], zeros(4)), /at least 0, found -1/],
    [
      'a million dims',
      pb.concat(pb.tensor('w', 1, []), pb.len(1, new Uint8Array(1_000_000).fill(1)), zeros(4)),
      /at most 640 packed bytes/,
    ],
    [
      'a million dims one by one',
      pb.concat(
        pb.tensor('w', 1, []),
        new Uint8Array(2_000_000).map((_, i) => (i % 2 ? 1 : 8)),
        zeros(4),
      ),
      /64 dimensions/,
    ],
    [
      'raw_data shorter than the shape',
      pb.tensor('w', 1, [4], zeros(12)),
      /expected 16 bytes for float32\[4\], found 12/,
    ],
    [
      'raw_data longer than the shape',
      pb.tensor('w', 1, [4], zeros(20)),
      /expected 16 bytes for float32\[4\], found 20/,
    ],
    ['large raw_data shorter than the shape', pb.tensor('w', 1, [400], zeros(1500)), /expected 1600 bytes/],
    ['large raw_data longer than the shape', pb.tensor('w', 1, [400], zeros(1700)), /expected 1600 bytes/],
    ['no data', pb.tensor('w', 1, [4]), /expected 16 bytes/],
    ['int32_data for int64', pb.tensor('w', 7, [1], pb.len(5, pb.varint(1))), /expected 8 bytes/],
    [
      'large float_data for int32',
      pb.tensor('w', 6, [300], pb.len(4, new Uint8Array(1200))),
      /expected float32 or complex64 in field 4, found int32/,
    ],
    [
      'large double_data for int64',
      pb.tensor('w', 7, [300], pb.len(10, new Uint8Array(2400))),
      /expected float64 or complex128/,
    ],
    ['packed floats of 3 bytes', pb.tensor('w', 1, [1], pb.len(4, new Uint8Array(3))), /not a readable ONNX model/],
    ['an element type of the future', pb.tensor('w', 99, [1], zeros(4)), /element type, found code 99/],
    ['a negative element type', pb.tensor('w', -1, [1], zeros(4)), /element type, found code -1/],
    ['no element type', pb.concat(pb.int(1, 1), pb.len(8, 'w'), zeros(4)), /element type, found code 0/],
  ];

  test.each(tensors)('%s, in an initializer', (_title, body, message) =>
    expect(refusalOf(pb.holder(body))).toMatch(message),
  );

  const small = tensors.filter(([, body]) => body.length < 10_000);

  test.each(small)('%s, in an attribute', (_title, body, message) => {
    const constant = pb.node('Constant', [], ['c'], pb.len(5, pb.attribute('value', 4, pb.len(5, body))));
    expect(refusalOf(graphOf(constant, identity))).toMatch(message);
  });

  test.each(small)('%s, in a sparse tensor', (_title, body, message) => {
    const sparse = pb.len(15, pb.len(1, body), pb.int(3, 10));
    expect(refusalOf(pb.model(pb.graph({ nodes: [identity], inputs: [x], outputs: [y], rest: [sparse] })))).toMatch(
      message,
    );
  });
});

describe('graphs', () => {
  const weight = (name: string): Uint8Array => pb.tensor(name, 1, [1], zeros(4));
  const nested = (depth: number): Uint8Array => {
    let body = pb.graph({ nodes: [pb.node('Identity', ['x'], ['z'])], outputs: [pb.value('z')] });
    for (let i = 0; i < depth; i++) {
      body = pb.concat(
        pb.len(1, pb.node('If', ['x'], ['z'], pb.len(5, pb.attribute('then_branch', 5, pb.len(6, body))))),
        pb.len(12, pb.value('z')),
      );
    }
    return pb.model(pb.concat(body, pb.len(11, x)));
  };

  test.each([
    ['a value written twice', graphOf(identity, identity), /one definition of value 'y', found a second/],
    [
      'a node that writes a graph input',
      graphOf(pb.node('Relu', ['x'], ['x']), identity),
      /one definition of value 'x'/,
    ],
    [
      'two inputs of one name',
      pb.model(pb.graph({ nodes: [identity], inputs: [x, x], outputs: [y] })),
      /one definition of value 'x'/,
    ],
    ['two initializers of one name', pb.holder(weight('w'), weight('w')), /one initializer named 'w'/],
    ['an initializer that a node writes', pb.holder(weight('y')), /one definition of value 'y'/],
    [
      'two attributes of one name',
      graphOf(
        pb.concat(
          identity,
          pb.len(5, pb.attribute('a', 2, pb.int(3, 1))),
          pb.len(5, pb.attribute('a', 2, pb.int(3, 2))),
        ),
      ),
      /one attribute 'a'/,
    ],
    [
      'a cycle',
      graphOf(pb.node('Add', ['x', 'b'], ['a']), pb.node('Relu', ['a'], ['b']), pb.node('Relu', ['b'], ['y'])),
      /without cycles/,
    ],
    ['a node that reads itself', graphOf(pb.node('Add', ['x', 'y'], ['y'])), /without cycles/],
    [
      'a cycle through a subgraph',
      graphOf(
        pb.node('If', ['x'], ['y'], pb.len(5, pb.attribute('then_branch', 5, pb.len(6, pb.graph({ outputs: [y] }))))),
      ),
      /without cycles/,
    ],
    ['an input that nobody writes', graphOf(pb.node('Add', ['x', 'q'], ['y'])), /writer of 'q', found none/],
    [
      'an output that nobody writes',
      pb.model(pb.graph({ nodes: [identity], inputs: [x], outputs: [pb.value('q')] })),
      /writer of the output 'q'/,
    ],
    [
      'an output without a name',
      pb.model(pb.graph({ nodes: [identity], inputs: [x], outputs: [pb.concat()] })),
      /writer of the output ''/,
    ],
  ])('%s', (_title, bytes, message) => expect(refusalOf(bytes)).toMatch(message));

  test('the cycle is named by a node on it, not by one behind it', () => {
    expect(
      refusalOf(
        graphOf(pb.node('Relu', ['a'], ['y']), pb.node('Relu', ['b'], ['a']), pb.node('Add', ['a', 'x'], ['b'])),
      ),
    ).toMatch(/node '[ab]'/);
  });

  test('subgraphs a thousand deep', () => {
    expect(refusalOf(nested(1000))).toMatch(/messages at most 64 deep/);
    expect(refusalOf(nested(100))).toMatch(/deep|depth/);
    readModel(writeTemp(nested(10)));
  });

  test('names with line breaks, terminal commands and great length make one short line', () => {
    const name = `a\nb\r\x1b[31m\u2028${'n'.repeat(100_000)}`;
    expect(refusalOf(graphOf(pb.node('Add', ['x', name], ['y'])))).toMatch(/writer of 'a b \[31m n+/);
  });

  test('a million empty nodes, and more fields than any graph has', () => {
    const many = (count: number): Uint8Array =>
      pb.concat(...Array<Uint8Array>(count / 1000).fill(new Uint8Array(2000).map((_, i) => (i % 2 ? 0 : 10))));
    const bytes = pb.model(pb.graph({ nodes: [identity], inputs: [x], outputs: [y], rest: [many(3_000_000)] }));
    expect(refusalOf(bytes)).toMatch(/fields in a graph/);
  });

  test('thousands of subgraphs in a large graph are checked in linear time', () => {
    const branch = pb.graph({ nodes: [pb.node('Identity', ['x'], ['z'])], outputs: [pb.value('z')] });
    const nodes = Array.from({ length: 5000 }, (_, i) =>
      pb.node('If', ['x'], [`v${i}`], pb.len(5, pb.attribute('then_branch', 5, pb.len(6, branch)))),
    );
    const path = writeTemp(graphOf(...nodes, identity));
    expect(cpuTimeOf(() => readModel(path))).toBeLessThan(1000);
  });
});

test('a device or folder named like a model in a folder is refused too', () => {
  const folder = join(tempDir(), 'model.onnx');
  mkdirSync(folder);
  expect(refusal(folder)).toMatch(/folder/);
});
