// Damaged models: whatever happens to a file, reading it gives a model that can be worked with, or a ModelError.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bear, mutations } from '../support/mutate.ts';
import * as pb from '../support/proto.ts';
import { written } from '../support/round-trip.ts';
import { tempDir } from '../support/temp.ts';
import { tinyBert } from '../support/bert.ts';

/** A graph with a subgraph, a function, sparse, typed and lifted tensors: every message there is, in little space. */
function dense(): Uint8Array {
  const large = (name: string): Uint8Array => pb.tensor(name, 1, [260], pb.len(9, new Uint8Array(1040).fill(1)));
  const branch = pb.graph({
    nodes: [pb.node('Add', ['x', 'w'], ['z'])],
    initializers: [pb.tensor('w', 7, [2], pb.len(7, pb.varint(1), pb.varint(-1)))],
    outputs: [pb.value('z', 1, 'N', 4)],
  });
  const choice = pb.node(
    'If',
    ['c'],
    ['h'],
    pb.len(5, pb.attribute('then_branch', 5, pb.len(6, branch))),
    pb.len(5, pb.attribute('else_branch', 5, pb.len(6, branch))),
  );
  const constant = pb.node('Constant', [], ['k'], pb.len(5, pb.attribute('value', 4, pb.len(5, large('')))));
  const body = pb.graph({
    nodes: [
      constant,
      choice,
      pb.node(
        'F',
        ['h', 'k'],
        ['y'],
        pb.len(7, 'local'),
        pb.len(5, pb.attribute('axes', 7, pb.int(8, -1), pb.int(8, 2))),
      ),
    ],
    initializers: [large('a'), pb.tensor('s', 8, [1], pb.len(6, 'text'))],
    inputs: [pb.value('x', 1, 'N', 4), pb.value('c', 9)],
    outputs: [pb.value('y', 1, 'N', 4)],
    rest: [
      pb.len(
        15,
        pb.len(1, pb.tensor('sp', 1, [1], pb.len(9, new Uint8Array(4)))),
        pb.len(2, pb.tensor('', 7, [1], pb.len(9, new Uint8Array(8)))),
        pb.int(3, 9),
      ),
    ],
  });
  const def = pb.concat(
    pb.len(1, 'F'),
    pb.len(4, 'p'),
    pb.len(4, 'q'),
    pb.len(5, 'r'),
    pb.len(7, pb.node('Add', ['p', 'q'], ['r'])),
    pb.len(9, pb.int(2, 17)),
    pb.len(10, 'local'),
  );
  return pb.model(
    body,
    pb.len(8, pb.len(1, 'local'), pb.int(2, 1)),
    pb.len(14, pb.len(1, 'k'), pb.len(2, 'v')),
    pb.len(25, def),
  );
}

test.each([
  ['a graph of every kind of message', dense()],
  ['a BERT', readFileSync(written(tinyBert()).path)],
] as const)('%s, bytes flipped, dropped, inserted and doubled', (_title, bytes) => {
  const path = join(tempDir(), 'model.onnx');
  const whole = new Uint8Array(bytes);
  expect(bear(whole, path)).toBe(true);
  let readable = 0;
  fc.assert(
    fc.property(mutations, (mutate) => {
      if (bear(mutate(whole), path)) readable++;
    }),
    { numRuns: 300 },
  );
  expect(readable).toBeGreaterThan(0);
});
