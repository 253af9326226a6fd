// What teachers give for the terms that several of them have part in: class scores and text vectors.
import { ModelError, UsageError } from '../../errors.ts';
import type { Builder } from '../../ir/builder.ts';
import type { Share, TeacherInput, Term } from '../../train/distillation.ts';
import { pooledTokens } from '../head/pool.ts';
import type { DistilledValues, Sized } from './distilled-values.ts';
import type { TeacherGraph } from './teacher-graph.ts';

/** From tokens to a text's vector; given: an output of the model. */
export type VectorPooling = 'mean' | 'cls' | 'given';

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

/** With its graph, which grows by what it is asked for. */
export type AskedTeacher = TeacherValues & { readonly graph: TeacherGraph };

type Scores = ReturnType<DistilledValues['logits']>;
type SoftForm = Extract<Term, { kind: 'soft' }>['form'];

/** @throws ModelError where the class scores are not of one kind and number */
export function sameScores(student: Scores, teacher: DistilledValues): void {
  const shape = (outputs: Scores): string => outputs.map(({ kind, size }) => `${kind} of ${size}`).join(' and ');
  const [mine, theirs] = [shape(student), shape(teacher.logits())];
  if (mine !== theirs)
    throw new ModelError(
      `student and ${teacher.who}: expected the same class scores, found ${mine || 'none'} and ${theirs}`,
    );
}

export function softForm({ kind, rank, size }: Scores[number], binary: boolean): SoftForm {
  if (kind === 'span-logits') return 'positions';
  if (rank === 3) return 'tokens';
  if (size === 1) return 'numbers';
  return binary ? 'binary' : 'classes';
}

/** Class scores of an output, in the order of the first teacher's classes. */
export function giveScores({ values, graph, columns }: AskedTeacher, i: number, form: SoftForm): TeacherInput {
  const { name, size = 1, rank } = values.logits()[i]!;
  const flat = form === 'positions';
  const { builder } = graph;
  const value = columns ? builder.op('Gather', [name, builder.ints(columns)], { axis: -1n }) : name;
  return graph.give(value, { each: rank === 3 || flat ? 'token' : 'text', width: flat ? 1 : size, flat });
}

/** What text vectors are made of. Throws UsageError, ModelError. */
export function vectorsOf(
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
export function shared(teachers: readonly Share[]): Share[] {
  const sum = teachers.reduce((sum, { weight }) => sum + weight, 0);
  return teachers.map((one) => ({ ...one, weight: one.weight / sum }));
}
