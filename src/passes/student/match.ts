// Matching a student with its teachers: the terms of the loss, and the teachers' graphs with what the terms need as outputs.
import { ModelError, UsageError } from '../../errors.ts';
import { cloneModel } from '../../ir/clone.ts';
import type { Model } from '../../ir/graph.ts';
import { floats } from '../../ir/tensor.ts';
import { createRandom } from '../../math/random.ts';
import type { Match, Mixed, Share, Term } from '../../train/distillation.ts';
import type { TrainedWeight } from '../../train/types.ts';
import type { DistilledValues } from './distilled-values.ts';
import {
  giveScores,
  sameScores,
  shared,
  softForm,
  vectorsOf,
  type AskedTeacher,
  type TeacherValues,
  type VectorPooling,
} from './signals.ts';
import { TeacherGraph, type Signal } from './teacher-graph.ts';

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
  /** Of the student and the first teacher. */
  readonly pooling: VectorPooling;
  /** Each class for itself. */
  readonly binary: boolean;
}

export interface Matched {
  /** The student, with the projections that are trained beside it. */
  readonly student: Model;
  readonly projections: readonly TrainedWeight[];
  readonly terms: readonly Term[];
  /** Each teacher's graph with its signals as outputs. */
  readonly teachers: readonly { readonly model: Model; readonly signals: readonly Signal[] }[];
}

export interface MatchOptions extends Terms {
  /** [student, teacher] */
  readonly layers: readonly (readonly [number, number])[];
  /** Hidden states cross as float16: half the memory and disk, at a relative error of 5e-4. */
  readonly half: boolean;
  readonly seed: number;
}

/** Match them. Throws ModelError, UsageError. */
export function matchStudent(
  teachers: readonly TeacherValues[],
  student: DistilledValues,
  options: MatchOptions,
): Matched {
  return new Matching(teachers, student, options).finish();
}

class Matching {
  readonly #teachers: readonly AskedTeacher[];
  readonly #first: AskedTeacher;
  readonly #student: DistilledValues;
  readonly #options: MatchOptions;
  readonly #grown: Model;
  readonly #projections: TrainedWeight[] = [];

  constructor(teachers: readonly TeacherValues[], student: DistilledValues, options: MatchOptions) {
    this.#teachers = teachers.map((teacher, i) => ({
      ...teacher,
      graph: new TeacherGraph(teacher.values.model, i === 0 ? 'distill_teacher' : `distill_teacher${i + 1}`),
    }));
    this.#first = this.#teachers[0]!;
    this.#student = student;
    this.#options = options;
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
    const teachers = this.#teachers.map(({ graph }) => graph.finish());
    const idle = teachers.findIndex(({ signals }) => signals.length === 0);
    if (idle > 0)
      throw new UsageError(
        `teacher ${idle + 1}: expected class scores or text vectors that a term asks for, found none: give --soft or --embedding a weight`,
      );
    return { student: this.#grown, projections: this.#projections, terms, teachers };
  }

  #soft(): Term {
    const { temperature, binary } = this.#options;
    const mine = this.#student.logits();
    const asked = this.#teachers.filter((one) => one === this.#first || one.values.logits().length > 0);
    const [first] = this.#first.values.logits();
    if (!first) throw new UsageError('--soft: expected a teacher with class scores, found none among its outputs');
    for (const { values } of asked) sameScores(mine, values);
    const form = softForm(first, binary);
    if (form === 'positions' && mine.some(({ rank }) => rank !== 2))
      throw new ModelError(
        `--soft: expected starts and ends as outputs [batch, sequence] of their own, found '${first.name}'`,
      );
    const foreign = asked.find(({ sameTokens }) => !sameTokens);
    if (foreign && (form === 'tokens' || form === 'positions'))
      throw new UsageError(
        `--soft: expected teachers of one tokenizer for class scores of tokens, found another in the ${foreign.values.who}`,
      );
    const matches = mine.map(({ name }, i): Mixed => {
      const teachers = asked.map((one) => ({ teacher: giveScores(one, i, form), weight: one.weight }));
      return { student: name, teachers: shared(teachers) };
    });
    return { kind: 'soft', form, temperature, weight: this.#options.soft, matches };
  }

  #hidden(): Term {
    const matches = this.#options.layers.map(([s, t]) => {
      const { values, graph } = this.#first;
      const [mine, theirs] = [this.#student.hidden(s), values.hidden(t)];
      const teacher = graph.give(theirs.value, { each: 'token', width: theirs.size }, this.#options.half);
      const projection =
        mine.size === theirs.size ? undefined : this.#projection(`layer_${s}_${t}`, mine.size, theirs.size);
      return { student: mine.value, teacher, projection };
    });
    return { kind: 'hidden', weight: this.#options.hidden, matches };
  }

  #scores(): Term {
    const matches = this.#options.layers.map(([s, t]) => this.#scoresOf(s, t, '--attention-scores'));
    return { kind: 'scores', weight: this.#options.scores, matches };
  }

  #scoresOf(s: number, t: number, flag: string): Match {
    const [mine, theirs] = [this.#student.scores(s), this.#first.values.scores(t)];
    this.#sameHeads(mine.heads, theirs.heads, flag);
    return { student: mine.value, teacher: this.#first.graph.giveHeads(theirs.value, mine.heads, 'sequence') };
  }

  #sameHeads(mine: number, theirs: number, flag: string): void {
    if (mine !== theirs)
      throw new UsageError(`${flag}: expected as many heads in student and teacher, found ${mine} and ${theirs}`);
  }

  /** Wang et al. 2020: both of the last layer, added with equal weight. */
  #relations(): Term[] {
    const [s, t] = [this.#student.layers - 1, this.#first.values.layers - 1];
    const weight = this.#options.relations;
    const attention = this.#scoresOf(s, t, '--relations');
    const [mine, theirs] = [this.#student.values(s), this.#first.values.values(t)];
    const teacher = this.#first.graph.giveHeads(theirs.value, theirs.heads, theirs.size);
    const sizes = [mine.size, theirs.size] as const;
    return [
      { kind: 'attention', weight, matches: [attention] },
      { kind: 'relation', weight, matches: [{ student: mine.value, teacher, sizes }] },
    ];
  }

  #embedding(): Term {
    const { embeddingForm: form, embedding: weight, pooling } = this.#options;
    const mine = vectorsOf(this.#student, pooling);
    const teachers = this.#teachers.map(({ values, graph, pooling, weight }, i): Share => {
      const theirs = vectorsOf(values, pooling);
      const value = theirs.pool(graph.builder, graph.float32(theirs.value));
      const teacher = graph.give(value, { each: 'text', width: theirs.size });
      const name = i === 0 ? 'embedding' : `embedding${i + 1}`;
      const projection = mine.size === theirs.size ? undefined : this.#projection(name, mine.size, theirs.size);
      return { teacher, weight, projection };
    });
    const matches = [{ student: mine.value, teachers: shared(teachers) }];
    return { kind: 'embedding', form, weight, pool: mine.pool, matches };
  }

  /** A matrix [from, to] of the loss's own, of Glorot and Bengio's (2010) spread. */
  #projection(what: string, from: number, to: number): string {
    const name = `distill_projection_${what}`;
    if (this.#grown.graph.initializers.has(name)) return name;
    const random = createRandom(this.#options.seed);
    const spread = Math.sqrt(2 / (from + to));
    const values = Array.from({ length: from * to }, () => spread * random.normal());
    this.#grown.graph.initializers.set(name, floats([from, to], values));
    this.#projections.push({ name, decay: true });
    return name;
  }
}
