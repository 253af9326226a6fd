// A teacher's graph that gives what the loss needs: each such value becomes an output, and an input of the loss.
import { Builder } from '../../ir/builder.ts';
import { cloneModel } from '../../ir/clone.ts';
import type { Model } from '../../ir/graph.ts';
import { sweep } from '../../ir/sweep.ts';
import type { TeacherInput } from '../../train/distillation.ts';

/** One thing that the teacher gives for a batch: an output of its graph and an input of the loss, of this name. */
export interface Signal {
  readonly name: string;
  readonly dtype: 'float32' | 'float16';
  /** text: [batch, width]; token: [batch, sequence, width], or [batch, sequence] for a width of 1 where `flat`; other: not by row. */
  readonly each: 'text' | 'token' | 'other';
  readonly width: number;
  readonly flat?: boolean | undefined;
}

type About = Pick<Signal, 'each' | 'width' | 'flat'>;

/** Largest float16. */
const LARGEST = 65504;

export class TeacherGraph {
  /** For nodes that make a value ready to be given. */
  readonly builder: Builder;
  readonly #model: Model;
  readonly #signals = new Map<string, Signal>();

  /** @param prefix begins the names of the signals, which are unique among all teachers */
  constructor(model: Model, prefix: string) {
    this.#model = cloneModel(model);
    this.builder = new Builder(this.#model.graph, opsetOf(this.#model), prefix);
  }

  /**
   * Makes a value an output and describes the input of the loss that brings it.
   * @param half as float16: half the memory and disk, at a relative error of 5e-4; what is larger becomes the largest
   */
  give(value: string, about: About, half = false): TeacherInput {
    const { each, width, flat } = about;
    const { name, dtype } = this.#signal(value, about, half);
    const shape = each === 'text' ? ['batch', width] : ['batch', 'sequence', ...(flat ? [] : [width])];
    return { name, dtype, shape };
  }

  /** [batch, heads, sequence, last] */
  giveHeads(value: string, heads: number, last: number | 'sequence'): TeacherInput {
    const { name, dtype } = this.#signal(value, { each: 'other', width: 0 }, false);
    return { name, dtype, shape: ['batch', heads, 'sequence', last] };
  }

  /** The teacher with the signals as its outputs, and nothing else. */
  finish(): { readonly model: Model; readonly signals: readonly Signal[] } {
    const { graph } = this.#model;
    const signals = [...this.#signals.values()];
    graph.nodes.push(...this.builder.nodes);
    graph.outputs = signals.map(({ name, dtype }) => ({ name, dtype }));
    sweep(graph);
    return { model: this.#model, signals };
  }

  #signal(value: string, about: About, half: boolean): Signal {
    const key = `${half} ${value}`;
    const known = this.#signals.get(key);
    if (known) return known;
    const float = this.float32(value);
    const name = half ? this.builder.op('Cast', [this.#bounded(float)], { to: 10n }) : float;
    const signal: Signal = { name, dtype: half ? 'float16' : 'float32', ...about };
    this.#signals.set(key, signal);
    return signal;
  }

  /** A value as float32, whatever the teacher computes in. */
  float32(value: string): string {
    return this.builder.op('Cast', [value], { to: 1n });
  }

  #bounded(value: string): string {
    const { builder } = this;
    return builder.op('Min', [builder.op('Max', [value, builder.scalar(-LARGEST)]), builder.scalar(LARGEST)]);
  }
}

function opsetOf(model: Model): number {
  return model.opsets.get('') ?? model.opsets.get('ai.onnx') ?? 1;
}
