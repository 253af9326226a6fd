// Matching a student with its teachers: the terms of the loss, and the teachers' graphs with what the terms need as outputs.
import { ModelError, UsageError } from '../../errors.ts';
import type { Builder } from '../../ir/builder.ts';
import { cloneModel } from '../../ir/clone.ts';
import type { Model } from '../../ir/graph.ts';
import { floats } from '../../ir/tensor.ts';
import { createRandom } from '../../math/random.ts';
import type { Match, Mixed, Share, Term, TeacherInput } from '../../train/distillation.ts';
import type { TrainedWeight } from '../../train/types.ts';
import { pooledTokens } from '../head/pool.ts';
import type { DistilledValues, Sized } from './distilled-values.ts';
import { TeacherGraph, type Signal } from './teacher-graph.ts';

/** From tokens to a text's vector; given: an output of the model. */
export type VectorPooling = 'mean' | 'cls' | 'given';

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

/** One of those that teach. Hidden states and attention are the first one's; class scores and text vectors those of all. */
export interface TeacherValues {
  readonly values: DistilledValues;
  /** Of its class scores and vectors beside those of the others. */
  readonly weight: number;
  readonly pooling: VectorPooling;
  /** Whether its tokens are those of the student: what it says of single tokens is of use. */
  readonly sameTokens: boolean;
  /** For each class of the first teacher where its score stands; absent where in order. */
  readonly columns?: readonly number[] | undefined;
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

type Asked = TeacherValues & { readonly graph: TeacherGraph };

class Matching {
  readonly #teachers: readonly Asked[];
  readonly #first: Asked;
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

type Scores = ReturnType<DistilledValues['logits']>;
type SoftForm = Extract<Term, { kind: 'soft' }>['form'];

/** @throws ModelError where the class scores are not of one kind and number */
function sameScores(student: Scores, teacher: DistilledValues): void {
  const shape = (outputs: Scores): string => outputs.map(({ kind, size }) => `${kind} of ${size}`).join(' and ');
  const [mine, theirs] = [shape(student), shape(teacher.logits())];
  if (mine !== theirs)
    throw new ModelError(
      `student and ${teacher.who}: expected the same class scores, found ${mine || 'none'} and ${theirs}`,
    );
}

function softForm({ kind, rank, size }: Scores[number], binary: boolean): SoftForm {
  if (kind === 'span-logits') return 'positions';
  if (rank === 3) return 'tokens';
  if (size === 1) return 'numbers';
  return binary ? 'binary' : 'classes';
}

/** Class scores of an output, in the order of the first teacher's classes. */
function giveScores({ values, graph, columns }: Asked, i: number, form: SoftForm): TeacherInput {
  const { name, size = 1, rank } = values.logits()[i]!;
  const flat = form === 'positions';
  const { builder } = graph;
  const value = columns ? builder.op('Gather', [name, builder.ints(columns)], { axis: -1n }) : name;
  return graph.give(value, { each: rank === 3 || flat ? 'token' : 'text', width: flat ? 1 : size, flat });
}

/** What text vectors are made of. Throws UsageError, ModelError. */
function vectorsOf(
  values: DistilledValues,
  pooling: VectorPooling,
): Sized & { pool(builder: Builder, value: string): string } {
  if (pooling === 'given') {
    const given = values.sentence();
    if (!given)
      throw new UsageError(`--pooling given: expected a ${values.who} with an output of text vectors, found none`);
    return { ...given, pool: (_, value) => value };
  }
  const features = values.features();
  const pool = (builder: Builder, value: string): string =>
    pooledTokens(builder, { ...features, hidden: value }, pooling);
  return { value: features.hidden, size: features.width, pool };
}

/** With weights that are one together. */
function shared(teachers: readonly Share[]): Share[] {
  const sum = teachers.reduce((sum, { weight }) => sum + weight, 0);
  return teachers.map((one) => ({ ...one, weight: one.weight / sum }));
}
