// What the runs of one step add up to: loss, its parts, and the gradients where the optimizer reads them.
import type { Gradient, GradientRows } from '../autodiff/types.ts';
import type { HostTensor } from '../ir/host-tensor.ts';
import type { AdamW } from './optimizer.ts';
import type { TrainingGraph } from './training-graph.ts';
import type { Outputs } from './types.ts';
import type { DenseWeight, Weight } from './weights.ts';

export class StepSums {
  loss = 0;
  readonly parts: Record<string, number> = {};
  readonly #graph: TrainingGraph;
  readonly #optimizer: AdamW;
  /** What loss and parts are multiplied with: one over the batches of the step. */
  readonly #factor: number;
  /** Whether gradients lie where the optimizer reads them: the first are computed there. */
  #begun = false;

  constructor(graph: TrainingGraph, optimizer: AdamW, factor: number) {
    this.#graph = graph;
    this.#optimizer = optimizer;
    this.#factor = factor;
  }

  /** Outputs of a run, and the arrays that dense gradients are computed in; those after the first are added by `take`. */
  wanted(): Record<string, HostTensor | null> {
    return { ...this.dense(), ...Object.fromEntries(this.others().map((name) => [name, null])) };
  }

  /** Dense gradients by output. */
  dense(): Record<string, HostTensor> {
    const into = this.#dense().map(
      ([weight, output]) => [output, this.#begun ? weight.more : weight.gradient] as const,
    );
    return Object.fromEntries(into);
  }

  /** The other outputs: loss, parts, gradients by rows. */
  others(): string[] {
    const rows = this.#optimizer.weights.flatMap((weight) => rowsOf(this.#gradient(weight)));
    const names = [
      this.#graph.loss,
      ...this.#graph.parts.values(),
      ...rows.flatMap((part) => [part.indices, part.rows]),
    ];
    return [...new Set(names)];
  }

  /** Adds a run's dense gradients, which lie in the arrays of `dense`, and then its other outputs, or those of several runs. */
  take(...runs: readonly Outputs[]): void {
    if (this.#begun)
      for (const [weight] of this.#dense()) weight.kernels.add(weight.at[1], weight.at[4], weight.padded);
    this.#begun = true;
    for (const outputs of runs) {
      this.loss += this.#factor * scalarOf(outputs, this.#graph.loss);
      for (const [name, output] of this.#graph.parts)
        this.parts[name] = (this.parts[name] ?? 0) + this.#factor * scalarOf(outputs, output);
      for (const weight of this.#optimizer.weights) this.#takeRows(weight, outputs);
    }
  }

  #takeRows(weight: Weight, outputs: Outputs): void {
    for (const { indices, rows } of rowsOf(this.#gradient(weight))) {
      if (weight.byRows) this.#optimizer.addRows(weight, outputs[indices]!, outputs[rows]!);
      else addRows(weight, outputs[indices]!, floatsOf(outputs, rows));
    }
  }

  #dense(): (readonly [DenseWeight, output: string])[] {
    return this.#optimizer.weights.flatMap((weight) => {
      const gradient = this.#gradient(weight);
      return weight.byRows || gradient.kind === 'rows' ? [] : [[weight, gradient.output] as const];
    });
  }

  #gradient({ name }: Weight): Gradient {
    return this.#graph.gradients.get(name)!;
  }
}

function rowsOf(gradient: Gradient): readonly GradientRows[] {
  return gradient.kind === 'dense' ? [] : gradient.parts;
}

function floatsOf(outputs: Outputs, name: string): Float32Array {
  const data = outputs[name]?.data;
  if (!(data instanceof Float32Array)) throw new TypeError(`output '${name}': expected float32`);
  return data;
}

function scalarOf(outputs: Outputs, name: string): number {
  return floatsOf(outputs, name)[0]!;
}

/** Rows of a table that has a dense gradient as well (a tied decoder). */
function addRows({ value, gradient }: DenseWeight, indices: HostTensor, rows: Float32Array): void {
  const [height, width] = [value.dims[0]!, rows.length / indices.data.length];
  for (let i = 0; i < indices.data.length; i++) {
    const index = Number(indices.data[i]);
    const to = (index < 0 ? index + height : index) * width;
    for (let j = 0; j < width; j++) gradient.data[to + j]! += rows[i * width + j]!;
  }
}
