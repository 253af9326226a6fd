// What the IR does not model survives a round trip: unknown fields on every level, documentation, training info, odd spellings.
import { expect, test } from 'vitest';
import { makeNode } from '../../src/ir/node.ts';
import { readModel } from '../../src/onnx/read.ts';
import * as pb from '../support/proto.ts';
import { roundTrip, written } from '../support/round-trip.ts';
import { writeTemp } from '../support/temp.ts';
import { wireTree } from '../support/wire-tree.ts';

/** Fields of the future: a varint, text, a double and a float, under numbers that ONNX does not use. */
const unknown = pb.concat(
  pb.int(900, -5n),
  pb.len(901, 'future'),
  pb.tag(902, 1),
  new Uint8Array(8).fill(7),
  pb.float(903, 1.5),
);
const entry = (key: string, value: string): Uint8Array => pb.concat(pb.len(1, key), pb.len(2, value));
const x = pb.value('x', 1, 1);
const y = pb.value('y', 1, 1);

test('unknown fields on every level', () => {
  const info = pb.concat(pb.value('x', 1, 1), unknown);
  const typed = pb.concat(
    pb.len(1, 'h'),
    pb.len(2, pb.len(1, pb.int(1, 1), pb.len(2, pb.len(1, pb.int(1, 4), unknown), unknown), unknown), unknown),
  );
  const attr = pb.concat(pb.attribute('a', 2, pb.int(3, 4)), unknown);
  const small = pb.concat(pb.tensor('w', 1, [1], pb.len(9, new Uint8Array(4))), unknown);
  const large = pb.concat(pb.tensor('v', 1, [512], pb.len(9, new Uint8Array(2048).fill(3))), unknown);
  const body = pb.graph({
    nodes: [pb.node('Identity', ['x'], ['h'], unknown, pb.len(5, attr)), pb.node('Identity', ['h'], ['y'])],
    initializers: [small, large],
    inputs: [info],
    outputs: [y],
    rest: [
      unknown,
      pb.len(13, typed),
      pb.len(14, pb.len(1, 'h'), pb.len(2, entry('SCALE_TENSOR', 'w'), unknown), unknown),
    ],
  });
  const path = writeTemp(
    pb.concat(
      pb.model(body, unknown, pb.len(8, pb.len(1, 'other'), pb.int(2, 1), unknown)),
      pb.len(14, entry('k', 'v'), unknown),
    ),
  );
  const bytes = JSON.stringify(wireTree(path)).split(Buffer.from('future').toString('hex')).length - 1;
  expect(bytes).toBe(15);
  roundTripFile(path);
});

function roundTripFile(path: string): void {
  expect(written(readModel(path)).path).toEqualModel(path);
}

test('unknown fields stay with a node, a tensor and a value whose content a pass changes', () => {
  const body = pb.graph({
    nodes: [pb.node('Identity', ['x'], ['y'], unknown)],
    initializers: [pb.concat(pb.tensor('w', 1, [512], pb.len(9, new Uint8Array(2048))), unknown)],
    inputs: [pb.concat(x, unknown)],
    outputs: [y],
  });
  const model = readModel(writeTemp(pb.model(body)));
  model.graph.nodes[0] = { ...model.graph.nodes[0]!, op: 'Relu' };
  model.graph.inputs[0] = { ...model.graph.inputs[0]!, dtype: 'float16' };
  model.graph.initializers = new Map([['renamed', model.graph.initializers.get('w')!]]);
  const text = JSON.stringify(wireTree(written(model).path));
  expect(text.split(Buffer.from('future').toString('hex')).length - 1).toBe(3);
  expect(text).toContain(Buffer.from('renamed').toString('hex'));
});

test('documentation, metadata, model version and quantization annotations', () => {
  const body = pb.graph({
    nodes: [
      pb.node(
        'Identity',
        ['x'],
        ['y'],
        pb.len(6, 'node doc'),
        pb.len(9, entry('namespace', 'a.b')),
        pb.len(8, 'overload'),
      ),
    ],
    initializers: [
      pb.tensor('w', 1, [1], pb.len(9, new Uint8Array(4)), pb.len(12, 'tensor doc'), pb.len(16, entry('k', 'v'))),
    ],
    inputs: [pb.concat(x, pb.len(3, 'input doc'), pb.len(4, entry('k', 'v')))],
    outputs: [y],
    rest: [
      pb.len(10, 'graph doc'),
      pb.len(14, pb.len(1, 'y'), pb.len(2, entry('SCALE_TENSOR', 'w'))),
      pb.len(16, entry('k', 'v')),
    ],
  });
  const model = roundTrip(
    pb.model(
      body,
      pb.len(3, '1.2'),
      pb.len(4, 'com.example'),
      pb.int(5, 9),
      pb.len(6, 'model doc'),
      pb.len(14, entry('a', '1')),
      pb.len(14, entry('b', '')),
    ),
  );
  expect([...model.metadata]).toEqual([
    ['a', '1'],
    ['b', ''],
  ]);
  expect(model.producer).toEqual({ name: 'test', version: '1.2' });
});

test('a documentation string that is not UTF-8 keeps its bytes; a name that is not is refused', () => {
  const body = pb.graph({
    nodes: [pb.node('Identity', ['x'], ['y'])],
    inputs: [x],
    outputs: [y],
    rest: [pb.len(10, Uint8Array.of(0x66, 0xfc, 0x72))],
  });
  roundTrip(pb.model(body));
  const named = pb.graph({
    nodes: [pb.node('Identity', ['x'], ['y'], pb.len(3, Uint8Array.of(0xff, 0xfe)))],
    inputs: [x],
    outputs: [y],
  });
  expect(() => readModel(writeTemp(pb.model(named)))).toThrow(/not a readable ONNX model.*utf-8/i);
});

test('training info and device configurations', () => {
  const training = pb.len(
    20,
    pb.len(1, pb.graph({ initializers: [pb.tensor('m', 1, [512], pb.len(9, new Uint8Array(2048).fill(5)))] })),
  );
  const body = pb.graph({
    nodes: [pb.node('Identity', ['x'], ['y'], pb.len(10, 'device'))],
    inputs: [x],
    outputs: [y],
  });
  roundTrip(pb.model(body, training, pb.len(26, pb.len(1, 'cpus'), pb.int(2, 2))));
});

test('types other than tensors: sequence, optional, sparse, map, and denotations', () => {
  const tensorType = pb.len(1, pb.int(1, 1));
  const named = (name: string, type: Uint8Array): Uint8Array => pb.concat(pb.len(1, name), pb.len(2, type));
  const values = [
    named('s', pb.len(4, pb.len(1, tensorType))),
    named('o', pb.len(9, pb.len(1, tensorType))),
    named('p', pb.len(8, pb.int(1, 1), pb.len(2, pb.len(1, pb.int(1, 3))))),
    named('m', pb.len(5, pb.int(1, 7), pb.len(2, tensorType))),
    named(
      'd',
      pb.concat(
        pb.len(1, pb.int(1, 1), pb.len(2, pb.len(1, pb.len(2, 'N'), pb.len(3, 'DATA_BATCH')))),
        pb.len(6, 'TENSOR'),
      ),
    ),
    named('r', pb.len(1, pb.int(1, 1))),
    named('n', pb.concat()),
  ];
  const nodes = values.map((_, i) => pb.node('Identity', ['x'], ['sopmdrn'[i]!]));
  const body = pb.graph({
    nodes: [...nodes, pb.node('Identity', ['x'], ['y'])],
    inputs: [x],
    outputs: [y],
    rest: values.map((info) => pb.len(13, info)),
  });
  const read = roundTrip(pb.model(body)).graph.values;
  expect(read.find(({ name }) => name === 's')?.dtype).toBeUndefined();
  expect(read.find(({ name }) => name === 'r')).toMatchObject({ dtype: 'float32' });
  expect(read.find(({ name }) => name === 'r')?.shape).toBeUndefined();
  expect(read.find(({ name }) => name === 'd')?.shape).toEqual(['N']);
});

test('a changed type keeps its shape with denotations', () => {
  const typed = pb.concat(
    pb.len(1, 'x'),
    pb.len(
      2,
      pb.len(1, pb.int(1, 1), pb.len(2, pb.len(1, pb.len(2, 'N'), pb.len(3, 'DATA_BATCH')))),
      pb.len(6, 'TENSOR'),
    ),
  );
  const model = readModel(
    writeTemp(pb.model(pb.graph({ nodes: [pb.node('Identity', ['x'], ['y'])], inputs: [typed], outputs: [y] }))),
  );
  model.graph.inputs = [{ ...model.graph.inputs[0]!, dtype: 'float16' }];
  const text = JSON.stringify(wireTree(written(model).path));
  expect(text).toContain(Buffer.from('DATA_BATCH').toString('hex'));
  expect(text).toContain(Buffer.from('TENSOR').toString('hex'));
  expect(readModel(written(model).path).graph.inputs[0]).toMatchObject({ dtype: 'float16', shape: ['N'] });
});

test('the standard domain under either spelling, and an opset named twice', () => {
  const body = pb.graph({
    nodes: [pb.node('Identity', ['x'], ['h'], pb.len(7, 'ai.onnx')), pb.node('Identity', ['h'], ['y'], pb.len(7, ''))],
    inputs: [x],
    outputs: [y],
  });
  const model = roundTrip(
    pb.concat(pb.int(1, 8), pb.len(7, body), pb.len(8, pb.len(1, 'ai.onnx'), pb.int(2, 13)), pb.len(8, pb.int(2, 13))),
  );
  expect([...model.opsets]).toEqual([['', 13]]);
  expect(model.graph.nodes.map(({ domain }) => domain)).toEqual(['', '']);
});

test('raising the opset keeps the other domains and leaves one entry', () => {
  const body = pb.graph({ nodes: [pb.node('Identity', ['x'], ['y'])], inputs: [x], outputs: [y] });
  const model = readModel(writeTemp(pb.model(body, pb.len(8, pb.len(1, 'com.microsoft'), pb.int(2, 1)))));
  model.opsets.set('', 21);
  model.irVersion = 10;
  const read = readModel(written(model).path);
  expect([...read.opsets]).toEqual([
    ['', 21],
    ['com.microsoft', 1],
  ]);
  expect(read.irVersion).toBe(10);
});

test('IR version 2 without an opset is opset 1, and stays so', () => {
  const body = pb.graph({ nodes: [pb.node('Identity', ['x'], ['y'])], inputs: [x], outputs: [y] });
  expect([...roundTrip(pb.concat(pb.int(1, 2), pb.len(7, body))).opsets]).toEqual([['', 1]]);
});

test('metadata that a pass adds or drops', () => {
  const body = pb.graph({ nodes: [pb.node('Identity', ['x'], ['y'])], inputs: [x], outputs: [y] });
  const model = readModel(writeTemp(pb.model(body, pb.len(14, entry('a', '1')), pb.len(14, entry('b', '2')))));
  model.metadata.delete('a');
  model.metadata.set('c', '3');
  expect([...readModel(written(model).path).metadata]).toEqual([
    ['b', '2'],
    ['c', '3'],
  ]);
});

test('a node that a pass made writes nothing but itself', () => {
  const model = readModel(writeTemp(pb.holder()));
  model.graph.nodes = [makeNode('Relu', ['x'], ['y'], { name: 'r' })];
  expect(readModel(written(model).path).graph.nodes[0]).toMatchObject({
    op: 'Relu',
    name: 'r',
    domain: '',
    inputs: ['x'],
  });
});
