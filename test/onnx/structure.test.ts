// Graph structure through a round trip: attributes of every type, subgraphs, functions, sparse tensors, omitted inputs.
import { describe, expect, test } from 'vitest';
import { intsAttr } from '../../src/ir/node.ts';
import { indexUses } from '../../src/ir/uses.ts';
import { readModel } from '../../src/onnx/read.ts';
import * as pb from '../support/proto.ts';
import { roundTrip, written } from '../support/round-trip.ts';
import { writeTemp } from '../support/temp.ts';

const x = pb.value('x', 1, 1);
const y = pb.value('y', 1, 1);
const big = (name: string, fill: number): Uint8Array =>
  pb.tensor(name, 1, [512], pb.len(9, new Uint8Array(2048).fill(fill)));
const ids = pb.len(9, pb.bytesOf(BigInt64Array.from({ length: 200 }, (_, i) => BigInt(i))));

/** A model of one node with these attributes. */
function withAttributes(...attributes: readonly Uint8Array[]): Uint8Array {
  const body = pb.node('Custom', ['x'], ['y'], pb.len(7, 'test'), ...attributes.map((attr) => pb.len(5, attr)));
  return pb.model(pb.graph({ nodes: [body], inputs: [x], outputs: [y] }), pb.len(8, pb.len(1, 'test'), pb.int(2, 1)));
}

describe('attributes', () => {
  const sub = pb.graph({ nodes: [pb.node('Identity', ['x'], ['z'])], outputs: [pb.value('z', 1, 1)] });

  test('of every type', () => {
    const [node] = roundTrip(
      withAttributes(
        pb.attribute('f', 1, pb.float(2, 0.1)),
        pb.attribute('i', 2, pb.int(3, -1)),
        pb.attribute('s', 3, pb.len(4, Uint8Array.of(0xff, 0x41))),
        pb.attribute('t', 4, pb.len(5, pb.tensor('', 1, [1], pb.len(9, new Uint8Array(4))))),
        pb.attribute('g', 5, pb.len(6, sub)),
        pb.attribute('fs', 6, pb.float(7, 1), pb.float(7, -0), pb.float(7, Infinity)),
        pb.attribute('is', 7, pb.int(8, 2n ** 63n - 1n), pb.int(8, -(2n ** 63n)), pb.int(8, 2n ** 53n + 1n)),
        pb.attribute('ss', 8, pb.len(9, 'a'), pb.len(9, '')),
        pb.attribute('ts', 9, pb.len(10, big('a', 1)), pb.len(10, big('b', 2))),
        pb.attribute('gs', 10, pb.len(11, sub), pb.len(11, sub)),
        pb.attribute('tp', 13, pb.len(14, pb.len(1, pb.int(1, 1)))),
        pb.attribute('tps', 14, pb.len(15, pb.len(1, pb.int(1, 1))), pb.len(15, pb.len(1, pb.int(1, 7)))),
      ),
    ).graph.nodes;
    const attrs = node!.attrs;
    expect([...attrs].map(([name, attr]) => `${name}: ${attr.type}`)).toEqual([
      'f: float',
      'i: int',
      's: string',
      't: tensor',
      'g: graph',
      'fs: floats',
      'is: ints',
      'ss: strings',
      'ts: tensors',
      'gs: graphs',
      'tp: other',
      'tps: other',
    ]);
    expect(attrs.get('f')).toMatchObject({ value: Math.fround(0.1) });
    expect(attrs.get('is')).toMatchObject({ value: [2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n] });
    expect(attrs.get('fs')).toMatchObject({ value: [1, -0, Infinity] });
    const tensors = attrs.get('ts');
    expect(tensors?.type === 'tensors' && tensors.value.map((tensor) => tensor.bytes()[0])).toEqual([1, 2]);
  });

  test('zeros and empty lists that their writer left out stay out', () => {
    const [node] = roundTrip(
      withAttributes(
        pb.attribute('f', 1),
        pb.attribute('i', 2),
        pb.attribute('s', 3),
        pb.attribute('is', 7),
        pb.attribute('t', 4),
        pb.attribute('g', 5),
      ),
    ).graph.nodes;
    expect(node!.attrs.get('f')).toMatchObject({ type: 'float', value: 0 });
    expect(node!.attrs.get('i')).toMatchObject({ type: 'int', value: 0n });
    expect(intsAttr(node!, 'is')).toEqual([]);
    expect(node!.attrs.get('t')?.type).toBe('other');
  });

  test('without a type, as IR versions 1 and 2 wrote them, or with type 0', () => {
    const plain = (name: string, ...value: readonly Uint8Array[]): Uint8Array => pb.concat(pb.len(1, name), ...value);
    const [node] = roundTrip(
      withAttributes(
        plain('f', pb.float(2, 0)),
        plain('i', pb.int(3, 0)),
        plain('s', pb.len(4, '')),
        plain('is', pb.int(8, 3)),
        plain('fs', pb.float(7, 3)),
        plain('ss', pb.len(9, 'a')),
        plain('t', pb.len(5, big('', 1))),
        plain('ts', pb.len(10, big('', 1))),
        plain('gs', pb.len(11, sub)),
        plain('g', pb.len(6, sub)),
        pb.attribute('zero', 0, pb.int(3, 7)),
        plain('nothing'),
      ),
    ).graph.nodes;
    expect([...node!.attrs.values()].map(({ type }) => type)).toEqual(
      'float int string ints floats strings tensor tensors graphs graph int other'.split(' '),
    );
  });

  test('packed lists are read like lists one by one', () => {
    const [node] = roundTrip(withAttributes(pb.attribute('is', 7, pb.len(8, pb.varint(1), pb.varint(-1))))).graph.nodes;
    expect(intsAttr(node!, 'is')).toEqual([1, -1]);
  });

  test('sparse tensors, small and large', () => {
    const sparse = (count: number): Uint8Array =>
      pb.concat(
        pb.len(1, pb.tensor('', 1, [count], pb.len(9, new Uint8Array(4 * count).fill(count)))),
        pb.len(
          2,
          pb.tensor('', 7, [count], pb.len(9, pb.bytesOf(BigInt64Array.from({ length: count }, (_, i) => BigInt(i))))),
        ),
        pb.int(3, 1000),
      );
    roundTrip(
      withAttributes(
        pb.attribute('v', 11, pb.len(22, sparse(2))),
        pb.attribute('vs', 12, pb.len(23, sparse(300)), pb.len(23, sparse(301))),
      ),
    );
  });

  test('a sparse initializer keeps its own bytes when a pass drops a weight before it', () => {
    const values = pb.tensor('sp', 1, [300], pb.len(9, new Uint8Array(1200).fill(5)));
    const sparse = pb.len(15, pb.len(1, values), pb.len(2, pb.tensor('at', 7, [200], ids)), pb.int(3, 999));
    const holding = (...initializers: readonly Uint8Array[]): string =>
      writeTemp(
        pb.model(
          pb.graph({
            nodes: [pb.node('Identity', ['x'], ['y'])],
            initializers,
            inputs: [x],
            outputs: [y],
            rest: [sparse],
          }),
        ),
      );
    const model = readModel(holding(big('a', 1), big('b', 2)));
    expect([...model.graph.sparse.keys()]).toEqual(['sp']);
    model.graph.initializers.delete('a');
    expect(written(model).path).toEqualModel(holding(big('b', 2)));
  });
});

describe('subgraphs', () => {
  const branch = (fill: number): Uint8Array =>
    pb.graph({
      nodes: [pb.node('Add', ['x', 'w'], ['z'])],
      initializers: [big('w', fill)],
      outputs: [pb.value('z', 1, 512)],
    });
  const conditional = pb.node(
    'If',
    ['c'],
    ['y'],
    pb.len(5, pb.attribute('then_branch', 5, pb.len(6, branch(1)))),
    pb.len(5, pb.attribute('else_branch', 5, pb.len(6, branch(2)))),
  );

  test('capture values from around them, and name their own values alike', () => {
    const model = roundTrip(pb.model(pb.graph({ nodes: [conditional], inputs: [x, pb.value('c', 9)], outputs: [y] })));
    expect(indexUses(model.graph).consumers.get('x')).toEqual([{ node: model.graph.nodes[0], index: -1 }]);
    const branches = ['then_branch', 'else_branch'].map((name) => model.graph.nodes[0]!.attrs.get(name));
    expect(branches.map((attr) => attr?.type === 'graph' && attr.value.initializers.get('w')!.bytes()[0])).toEqual([
      1, 2,
    ]);
    expect(branches.map((attr) => attr?.type === 'graph' && attr.value.initializers.get('w')!.slice?.length)).toEqual([
      2048, 2048,
    ]);
  });

  test('within subgraphs, with weights at each level and nodes out of order', () => {
    const inner = pb.graph({
      nodes: [pb.node('Identity', ['q'], ['u']), conditional, pb.node('Add', ['y', 'v'], ['q'])],
      initializers: [big('v', 3)],
      outputs: [pb.value('u', 1, 512)],
    });
    const outer = pb.node(
      'If',
      ['c'],
      ['out'],
      pb.len(5, pb.attribute('then_branch', 5, pb.len(6, inner))),
      pb.len(5, pb.attribute('else_branch', 5, pb.len(6, branch(4)))),
    );
    const model = roundTrip(
      pb.model(pb.graph({ nodes: [outer], inputs: [x, pb.value('c', 9)], outputs: [pb.value('out', 1, 512)] })),
    );
    expect([...indexUses(model.graph).consumers.keys()].toSorted()).toEqual(['c', 'x']);
  });
});

describe('functions', () => {
  const constant = pb.node('Constant', [], ['w'], pb.len(5, pb.attribute('value', 4, pb.len(5, big('', 6)))));
  const call = pb.node('Scale', ['x'], ['y'], pb.len(7, 'local'));
  const ref = pb.node('Elu', ['a'], ['b'], pb.len(5, pb.len(1, 'alpha'), pb.int(20, 1), pb.len(21, 'slope')));
  const def = pb.concat(
    pb.len(1, 'Scale'),
    pb.len(4, 'a'),
    pb.len(5, 'm'),
    pb.len(6, 'gain'),
    pb.len(7, constant),
    pb.len(7, ref),
    pb.len(7, pb.node('Mul', ['b', 'w'], ['m'])),
    pb.len(8, 'doc'),
    pb.len(9, pb.int(2, 17)),
    pb.len(10, 'local'),
    pb.len(11, pb.attribute('slope', 1, pb.float(2, 0.5))),
    pb.len(11, pb.attribute('table', 4, pb.len(5, big('', 8)))),
    pb.len(12, pb.value('b', 1, 512)),
    pb.len(13, 'overload'),
  );
  const bytes = pb.model(
    pb.graph({ nodes: [call], inputs: [x], outputs: [y] }),
    pb.len(8, pb.len(1, 'local'), pb.int(2, 1)),
    pb.len(25, def),
  );

  test('keep their bodies, weights, attribute references and defaults', () => {
    const model = roundTrip(bytes);
    const [scale] = model.functions;
    expect(scale).toMatchObject({ name: 'Scale', domain: 'local', inputs: ['a'], outputs: ['m'] });
    const value = scale!.nodes[0]!.attrs.get('value');
    expect(value?.type === 'tensor' && value.value.slice?.length).toBe(2048);
    expect(scale!.nodes[1]!.attrs.get('alpha')?.type).toBe('other');
  });

  test('renamed by a pass', () => {
    const model = readModel(writeTemp(bytes));
    model.functions = [{ ...model.functions[0]!, name: 'Other', domain: 'ours', inputs: ['a', 'unused'] }];
    model.graph.nodes = [{ ...model.graph.nodes[0]!, op: 'Other', domain: 'ours' }];
    expect(readModel(written(model).path).functions[0]).toMatchObject({
      name: 'Other',
      domain: 'ours',
      inputs: ['a', 'unused'],
      outputs: ['m'],
    });
  });

  test('with a cycle are refused', () => {
    const cyclic = pb.concat(
      pb.len(1, 'F'),
      pb.len(5, 'p'),
      pb.len(7, pb.node('Relu', ['q'], ['p'])),
      pb.len(7, pb.node('Relu', ['p'], ['q'])),
    );
    expect(() => readModel(writeTemp(pb.concat(bytes, pb.len(25, cyclic))))).toThrow(/function 'F'.*cycle/);
  });
});

describe('weights in attributes', () => {
  test('of Constant nodes stay in the file', () => {
    const constant = pb.node('Constant', [], ['w'], pb.len(5, pb.attribute('value', 4, pb.len(5, big('', 9)))));
    const model = roundTrip(
      pb.model(pb.graph({ nodes: [constant, pb.node('Add', ['x', 'w'], ['y'])], inputs: [x], outputs: [y] })),
    );
    const value = model.graph.nodes[0]!.attrs.get('value');
    expect(value?.type === 'tensor' && value.value.slice?.length).toBe(2048);
  });
});

describe('names', () => {
  test('omitted inputs and outputs are empty names', () => {
    const body = pb.node('Clip', ['x', '', 'hi'], ['y', '']);
    const model = roundTrip(
      pb.model(
        pb.graph({
          nodes: [body],
          initializers: [pb.tensor('hi', 1, [], pb.len(9, new Uint8Array(4)))],
          inputs: [x],
          outputs: [y],
        }),
      ),
    );
    expect(model.graph.nodes[0]).toMatchObject({ inputs: ['x', '', 'hi'], outputs: ['y', ''], name: '' });
  });

  test('initializers that are inputs too, as IR version 3 wrote them', () => {
    const body = pb.graph({
      nodes: [pb.node('Add', ['x', 'w'], ['y'])],
      initializers: [big('w', 1)],
      inputs: [x, pb.value('w', 1, 512)],
      outputs: [y],
    });
    const model = roundTrip(pb.concat(pb.int(1, 3), pb.len(7, body), pb.len(8, pb.int(2, 9))));
    expect(model.graph.inputs.map(({ name }) => name)).toEqual(['x', 'w']);
    expect(model.graph.initializers.has('w')).toBe(true);
  });

  test('of any script and length, line breaks and a byte order mark included', () => {
    const odd = [
      '\uFEFFa',
      'zeile\nzwei',
      '名前',
      '\u{1F600}',
      'n'.repeat(5000),
      '__proto__',
      'constructor',
      'toString',
    ];
    const nodes = odd.map((name) => pb.node('Identity', ['x'], [name], pb.len(3, name)));
    const model = roundTrip(
      pb.model(pb.graph({ nodes, inputs: [x], outputs: odd.map((name) => pb.value(name, 1, 1)) })),
    );
    expect(model.graph.outputs.map(({ name }) => name)).toEqual(odd);
  });
});

test('nodes out of order keep the order of the file', () => {
  const body = pb.graph({
    nodes: [pb.node('Relu', ['h'], ['y']), pb.node('Neg', ['x'], ['h'])],
    inputs: [x],
    outputs: [y],
  });
  expect(roundTrip(pb.model(body)).graph.nodes.map(({ op }) => op)).toEqual(['Relu', 'Neg']);
});

test('an initializer may be a graph output, and an input too', () => {
  const body = pb.graph({
    nodes: [pb.node('Relu', ['x'], ['y'])],
    initializers: [big('w', 1)],
    inputs: [x],
    outputs: [y, pb.value('w', 1, 512), x],
  });
  expect(roundTrip(pb.model(body)).graph.outputs).toHaveLength(3);
});

test('fields in any order, and a message in two parts, are merged as protobuf says', () => {
  const first = pb.graph({ nodes: [pb.node('Relu', ['x'], ['h'])], initializers: [big('w', 1)], inputs: [x] });
  const second = pb.graph({ nodes: [pb.node('Relu', ['h'], ['y'])], initializers: [big('v', 2)], outputs: [y] });
  const model = readModel(
    writeTemp(pb.concat(pb.len(8, pb.int(2, 17)), pb.len(7, first), pb.int(1, 8), pb.len(7, second))),
  );
  expect(model.graph.nodes.map(({ outputs }) => outputs[0])).toEqual(['h', 'y']);
  expect(readModel(written(model).path).graph.initializers.get('v')!.bytes()[0]).toBe(2);
});
