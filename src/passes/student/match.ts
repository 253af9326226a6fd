// Matching a student with its teacher: the terms of the loss, and the teacher's graph with what the terms need as outputs.
import { ModelError, UsageError } from '../../errors.ts';
import { Builder } from '../../ir/builder.ts';
import { cloneModel } from '../../ir/clone.ts';
import type { Model } from '../../ir/graph.ts';
import { sweep } from '../../ir/sweep.ts';
import { floats } from '../../ir/tensor.ts';
import { createRandom } from '../../math/random.ts';
import type { Match, Term } from '../../train/distillation.ts';
import type { TrainedWeight } from '../../train/types.ts';
import { pooledTokens } from '../head/pool.ts';
import type { DistilledValues, Sized } from './distilled-values.ts';

/** Weights of the terms, 0 for none, and how they compare. */
export interface Terms {
  readonly soft: number;
  readonly temperature: number;
  readonly hidden: number;
  /** Attention scores of matched layers. */
  readonly scores: number;
  /** Attention distributions and value relation of the last layers. */
  readonly relations: number;
  readonly embedding: number;
  readonly embeddingForm: 'cosine' | 'mse';
  /** From tokens to a text's vector; given: an output of the model. */
  readonly pooling: 'mean' | 'cls' | 'given';
  /** Each class for itself. */
  readonly binary: boolean;
}

/** One thing that the teacher gives for a batch: an output of its graph and an input of the loss, of this name. */
export interface Signal {
  readonly name: string;
  readonly dtype: 'float32' | 'float16';
  /** text: [batch, width]; token: [batch, sequence, width], or [batch, sequence] for a width of 1 where `flat`; other: not by row. */
  readonly each: 'text' | 'token' | 'other';
  readonly width: number;
  readonly flat?: boolean | undefined;
}

export interface Matched {
  /** The student, with the projections that are trained beside it. */
  readonly student: Model;
  readonly projections: readonly TrainedWeight[];
  readonly terms: readonly Term[];
  /** The teacher with the signals as its outputs. */
  readonly teacher: Model;
  readonly signals: readonly Signal[];
}

export interface MatchOptions extends Terms {
  /** [student, teacher] */
  readonly layers: readonly (readonly [number, number])[];
  /** Hidden states cross as float16: half the memory and disk, at a relative error of 5e-4. */
  readonly half: boolean;
  readonly seed: number;
}

/** Match the two. Throws ModelError, UsageError. */
export function matchStudent(teacher: DistilledValues, student: DistilledValues, options: MatchOptions): Matched {
  const matching = new Matching(teacher, student, options);
  return matching.finish();
}

class Matching {
  readonly #teacher: DistilledValues;
  readonly #student: DistilledValues;
  readonly #options: MatchOptions;
  readonly #model: Model;
  readonly #builder: Builder;
  readonly #signals = new Map<string, Signal>();
  readonly #grown: Model;
  readonly #projections: TrainedWeight[] = [];

  constructor(teacher: DistilledValues, student: DistilledValues, options: MatchOptions) {
    this.#teacher = teacher;
    this.#student = student;
    this.#options = options;
    this.#model = cloneModel(teacher.model);
    this.#builder = new Builder(this.#model.graph, opsetOf(this.#model), 'distill_teacher');
    this.#grown = cloneModel(student.model);
  }

  finish(): Matched {
    const { soft, hidden, scores, relations, embedding } = this.#options;
    const terms = [
      ...(soft > 0 ? [this.#soft()] : []),
      ...(hidden > 0 ? [this.#hidden()] : []),
      ...(scores > 0 ? [this.#scores()] : []),
      ...(relations > 0 ? this.#relations() : []),
      ...(embedding > 0 ? [this.#embedding()] : []),
    ];
    const { graph } = this.#model;
    graph.nodes.push(...this.#builder.nodes);
    graph.outputs = [...this.#signals.values()].map(({ name, dtype }) => ({ name, dtype }));
    sweep(graph);
    const signals = [...this.#signals.values()];
    return { student: this.#grown, projections: this.#projections, terms, teacher: this.#model, signals };
  }

  #soft(): Term {
    const { temperature, binary } = this.#options;
    const [mine, theirs] = [this.#student.logits(), this.#teacher.logits()];
    const [first] = theirs;
    if (!first) throw new UsageError('--soft: expected a teacher with class scores, found none among its outputs');
    const shape = (outputs: typeof mine): string => outputs.map(({ kind, size }) => `${kind} of ${size}`).join(' and ');
    if (shape(mine) !== shape(theirs))
      throw new ModelError(
        `student and teacher: expected the same class scores, found ${shape(mine) || 'none'} and ${shape(theirs)}`,
      );
    const form =
      first.kind === 'span-logits'
        ? 'positions'
        : first.rank === 3
          ? 'tokens'
          : first.size === 1
            ? 'numbers'
            : binary
              ? 'binary'
              : 'classes';
    if (form === 'positions' && theirs.some(({ rank }) => rank !== 2))
      throw new ModelError(
        `--soft: expected starts and ends as outputs [batch, sequence] of their own, found '${first.name}'`,
      );
    const matches = theirs.map((output, i): Match => {
      const size = output.size ?? 1;
      const flat = form === 'positions';
      const signal = { each: output.rank === 3 || flat ? 'token' : 'text', width: flat ? 1 : size, flat } as const;
      return { student: mine[i]!.name, teacher: this.#give(output.name, signal, false) };
    });
    return { kind: 'soft', form, temperature, weight: this.#options.soft, matches };
  }

  #hidden(): Term {
    const matches = this.#options.layers.map(([s, t]) => {
      const [mine, theirs] = [this.#student.hidden(s), this.#teacher.hidden(t)];
      const teacher = this.#give(theirs.value, { each: 'token', width: theirs.size }, this.#options.half);
      const projection = mine.size === theirs.size ? undefined : this.#projection(`layer_${s}`, mine.size, theirs.size);
      return { student: mine.value, teacher, projection };
    });
    return { kind: 'hidden', weight: this.#options.hidden, matches };
  }

  #scores(): Term {
    const matches = this.#options.layers.map(([s, t]) => this.#scoresOf(s, t, '--attention-scores'));
    return { kind: 'scores', weight: this.#options.scores, matches };
  }

  #scoresOf(s: number, t: number, flag: string): Match {
    const [mine, theirs] = [this.#student.scores(s), this.#teacher.scores(t)];
    this.#sameHeads(mine.heads, theirs.heads, flag);
    return { student: mine.value, teacher: this.#giveHeads(theirs.value, mine.heads, 'sequence') };
  }

  #sameHeads(mine: number, theirs: number, flag: string): void {
    if (mine !== theirs)
      throw new UsageError(`${flag}: expected as many heads in student and teacher, found ${mine} and ${theirs}`);
  }

  /** Wang et al. 2020: both of the last layer, added with equal weight. */
  #relations(): Term[] {
    const [s, t] = [this.#student.layers - 1, this.#teacher.layers - 1];
    const weight = this.#options.relations;
    const attention = this.#scoresOf(s, t, '--relations');
    const [mine, theirs] = [this.#student.values(s), this.#teacher.values(t)];
    const teacher = this.#giveHeads(theirs.value, theirs.heads, theirs.size);
    const sizes = [mine.size, theirs.size] as const;
    return [
      { kind: 'attention', weight, matches: [attention] },
      { kind: 'relation', weight, matches: [{ student: mine.value, teacher, sizes }] },
    ];
  }

  #embedding(): Term {
    const { pooling, embeddingForm, embedding } = this.#options;
    const from = (values: DistilledValues, who: string): Sized & { pool(builder: Builder, value: string): string } => {
      if (pooling === 'given') {
        const given = values.sentence();
        if (!given)
          throw new UsageError(`--pooling given: expected a ${who} with an output of text vectors, found none`);
        return { ...given, pool: (_, value) => value };
      }
      const features = values.features();
      const pool = (builder: Builder, value: string): string =>
        pooledTokens(builder, { ...features, hidden: value }, pooling);
      return { value: features.hidden, size: features.width, pool };
    };
    const [mine, theirs] = [from(this.#student, 'student'), from(this.#teacher, 'teacher')];
    if (mine.size !== theirs.size)
      throw new UsageError(
        `--embedding: expected vectors of one width, found ${mine.size} of the student and ${theirs.size} of the teacher`,
      );
    const value = theirs.pool(this.#builder, theirs.value);
    const teacher = this.#give(value, { each: 'text', width: theirs.size }, false);
    return {
      kind: 'embedding',
      form: embeddingForm,
      weight: embedding,
      pool: mine.pool,
      matches: [{ student: mine.value, teacher }],
    };
  }

  /** Makes a value of the teacher an output and describes the input of the loss that brings it. */
  #give(value: string, about: Pick<Signal, 'each' | 'width' | 'flat'>, half: boolean): Match['teacher'] {
    const { each, width, flat } = about;
    const { name, dtype } = this.#signal(value, about, half);
    const shape = each === 'text' ? ['batch', width] : ['batch', 'sequence', ...(flat ? [] : [width])];
    return { name, dtype, shape };
  }

  /** [batch, heads, sequence, last] */
  #giveHeads(value: string, heads: number, last: number | 'sequence'): Match['teacher'] {
    const { name, dtype } = this.#signal(value, { each: 'other', width: 0 }, false);
    return { name, dtype, shape: ['batch', heads, 'sequence', last] };
  }

  #signal(value: string, about: Pick<Signal, 'each' | 'width' | 'flat'>, half: boolean): Signal {
    const known = this.#signals.get(value);
    if (known) return known;
    const name = this.#builder.op(half ? 'Cast' : 'Identity', [value], half ? { to: 10n } : {});
    const signal: Signal = { name, dtype: half ? 'float16' : 'float32', ...about };
    this.#signals.set(value, signal);
    return signal;
  }

  /** A matrix [from, to] of the loss's own, of Glorot and Bengio's (2010) spread. */
  #projection(what: string, from: number, to: number): string {
    const name = `distill_projection_${what}`;
    const random = createRandom(this.#options.seed);
    const spread = Math.sqrt(2 / (from + to));
    const values = Array.from({ length: from * to }, () => spread * random.normal());
    this.#grown.graph.initializers.set(name, floats([from, to], values));
    this.#projections.push({ name, decay: true });
    return name;
  }
}

function opsetOf(model: Model): number {
  return model.opsets.get('') ?? model.opsets.get('ai.onnx') ?? 1;
}
