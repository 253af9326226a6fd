// Dropout by masks that are inputs: onnxruntime's Dropout has a state that a checkpoint could not keep.
import { ModelError } from '../errors.ts';
import type { Builder } from '../ir/builder.ts';
import type { Graph, ValueInfo } from '../ir/graph.ts';
import type { HostTensor } from '../ir/host-tensor.ts';
import { traceGraph } from '../ir/trace/trace.ts';
import { indexUses } from '../ir/uses.ts';
import { createRandom, type Random } from '../math/random.ts';

/** Runs on paper that tell apart which size an axis has. */
const trials = [
  { batch: 3, sequence: 11 },
  { batch: 2, sequence: 7 },
];
const sizes: readonly ((batch: number, sequence: number) => number)[] = [
  (batch) => batch,
  (_, sequence) => sequence,
  (batch, sequence) => batch * sequence,
];

type Axis = number | (typeof sizes)[number];

interface Place {
  readonly input: string;
  readonly axes: readonly Axis[];
  /** Grows as batches do. */
  memory: Uint8Array<ArrayBuffer>;
}

/** The masks of a graph: flat bool inputs, true where an element is kept. */
export class Dropout {
  readonly ratio: number;
  readonly #seed: number;
  readonly #places: Place[] = [];

  constructor(ratio: number, seed: number) {
    this.ratio = ratio;
    this.#seed = seed;
  }

  /**
   * Puts a mask on values of a graph, and scales what is kept by 1 / (1 - ratio); appends to the builder and declares inputs.
   * @throws ModelError where the shape of a value is not batch, sequence and fixed sizes
   */
  insert(graph: Graph, builder: Builder, values: readonly string[]): void {
    const traces = trials.map((trial) => traceGraph(graph, indexUses(graph), trial));
    const zero = builder.scalar(0);
    for (const value of values) {
      const dims = traces.map((trace) => trace.dims(value));
      const axes = dims[0]?.map((_, i) => axisOf(dims.map((each) => each?.[i])));
      if (!axes?.every((axis) => axis !== undefined)) {
        throw new ModelError(
          `dropout: expected '${value}' to have axes of batch, sequence or fixed size, found others`,
        );
      }
      const input: ValueInfo = { name: builder.fresh('kept'), dtype: 'bool', shape: [null] };
      const kept = builder.op('Reshape', [input.name, builder.op('Shape', [value])]);
      const scaled = builder.op('Mul', [value, builder.scalar(1 / (1 - this.ratio))]);
      const dropped = builder.op('Where', [kept, scaled, zero]);
      graph.inputs.push(input);
      graph.nodes = graph.nodes.map((node) =>
        node.inputs.includes(value)
          ? { ...node, inputs: node.inputs.map((name) => (name === value ? dropped : name)) }
          : node,
      );
      this.#places.push({ input: input.name, axes, memory: new Uint8Array(0) });
    }
  }

  /**
   * Masks for a batch, the same for the same number of the batch: for each of its pieces in turn. They are valid until the next
   * are asked for.
   */
  masks(number: number): (rows: number, sequence: number) => Record<string, HostTensor> {
    const random = createRandom(this.#seed + number * 2 ** 32);
    return (rows, sequence) =>
      Object.fromEntries(
        this.#places.map((place) => {
          const size = (axis: Axis): number => (typeof axis === 'number' ? axis : axis(rows, sequence));
          const count = place.axes.reduce<number>((product, axis) => product * size(axis), 1);
          if (place.memory.length < count) place.memory = new Uint8Array(count);
          const data = place.memory.subarray(0, count);
          fill(data, random, this.ratio);
          return [place.input, { dtype: 'bool', dims: [count], data }];
        }),
      );
  }
}

function axisOf(found: readonly (number | undefined)[]): Axis | undefined {
  if (found.every((size) => size === found[0])) return found[0];
  return sizes.find((size) => trials.every(({ batch, sequence }, i) => size(batch, sequence) === found[i]));
}

/** 1 with probability 1 - ratio, from 16 random bits each. */
function fill(mask: Uint8Array, random: Random, ratio: number): void {
  const limit = Math.round(ratio * 2 ** 16);
  for (let i = 0; i < mask.length; i += 2) {
    const bits = random.bits();
    mask[i] = (bits & 0xffff) < limit ? 0 : 1;
    mask[i + 1] = bits >>> 16 < limit ? 0 : 1; // beyond the end of an odd mask nothing is written
  }
}
