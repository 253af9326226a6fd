// Mutations of a file's bytes, and what every reader of a mutated model must keep to.
import { writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { ModelError } from '../../src/errors.ts';
import { cloneModel } from '../../src/ir/clone.ts';
import { Names } from '../../src/ir/names.ts';
import { printGraph } from '../../src/ir/print.ts';
import { sortNodes } from '../../src/ir/sort.ts';
import { sweep } from '../../src/ir/sweep.ts';
import { indexUses } from '../../src/ir/uses.ts';
import { checkGraph } from '../../src/ir/verify.ts';
import { readModel } from '../../src/onnx/read.ts';
import { writeModel } from '../../src/onnx/write.ts';

/** One change, its places as fractions of the file. */
type Mutation = (bytes: Uint8Array) => Uint8Array;

const place = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
const splice = (bytes: Uint8Array, at: number, drop: number, put: Uint8Array): Uint8Array =>
  new Uint8Array(Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + drop)]));

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.record({ at: place, bit: fc.nat(7) }).map(({ at, bit }): Mutation => (bytes) => {
    const copy = bytes.slice();
    const i = Math.floor(at * copy.length);
    copy[i] = copy[i]! ^ (1 << bit);
    return copy;
  }),
  fc.record({ at: place, value: fc.nat(255) }).map(
    ({ at, value }): Mutation =>
      (bytes) =>
        bytes.with(Math.floor(at * bytes.length), value),
  ),
  fc.record({ at: place, length: fc.integer({ min: 1, max: 40 }) }).map(
    ({ at, length }): Mutation =>
      (bytes) =>
        splice(bytes, Math.floor(at * bytes.length), length, new Uint8Array(0)),
  ),
  fc.record({ at: place, put: fc.uint8Array({ minLength: 1, maxLength: 20 }) }).map(
    ({ at, put }): Mutation =>
      (bytes) =>
        splice(bytes, Math.floor(at * bytes.length), 0, put),
  ),
  fc
    .record({ at: place, from: place, length: fc.integer({ min: 1, max: 300 }) })
    .map(({ at, from, length }): Mutation => (bytes) => {
      const start = Math.floor(from * bytes.length);
      return splice(bytes, Math.floor(at * bytes.length), 0, bytes.subarray(start, start + length));
    }),
);

/** One to four mutations, one after the other. */
export const mutations: fc.Arbitrary<Mutation> = fc
  .array(mutation, { minLength: 1, maxLength: 4 })
  .map((list) => (bytes: Uint8Array) => list.reduce((now, change) => (now.length > 0 ? change(now) : now), bytes));

/**
 * Read `bytes` from `path`: a ModelError of one line, or a model that everything in ir and the writer can bear.
 * Returns true where it was readable; throws what must not happen.
 */
export function bear(bytes: Uint8Array, path: string): boolean {
  writeFileSync(path, bytes);
  const start = performance.now();
  const model = readOrRefuse(path);
  const elapsed = performance.now() - start;
  if (elapsed > 1000) throw new Error(`reading took ${elapsed} ms`);
  if (!model) return false;
  const copy = cloneModel(model);
  printGraph(copy.graph);
  indexUses(copy.graph);
  new Names(copy.graph).fresh('x');
  const given = new Set([
    ...copy.graph.inputs.map(({ name }) => name),
    ...copy.graph.initializers.keys(),
    ...copy.graph.sparse.keys(),
  ]);
  copy.graph.nodes = sortNodes(copy.graph.nodes, given).nodes;
  sweep(copy.graph);
  checkGraph(copy.graph, 'swept');
  const out = `${path}.out`;
  writeModel(model, out, { externalData: false });
  readModel(out);
  return true;
}

function readOrRefuse(path: string): ReturnType<typeof readModel> | undefined {
  try {
    return readModel(path);
  } catch (error) {
    if (!(error instanceof ModelError) || /[\p{Cc}\u2028]/u.test(error.message)) throw error;
    return undefined;
  }
}
