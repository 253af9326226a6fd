// Who teaches: the first teacher, whose graph the student is cut out of, and others that say what they think of the same texts.
import { loadConfig, loadPooling, type ModelConfig } from '../../data/config.ts';
import { loadTokenizer, type Tokenizer } from '../../data/tokenizer/tokenizer.ts';
import { ModelError, UsageError } from '../../errors.ts';
import { sequenceLimit } from '../../evaluate/evaluate.ts';
import type { Feeding } from '../../objectives/batch-source.ts';
import { DistilledValues } from '../../passes/student/distilled-values.ts';
import type { TeacherValues, VectorPooling } from '../../passes/student/signals.ts';
import { feedingOf } from '../learn/feeding.ts';
import { readKnownModel, type KnownModel } from '../known-model.ts';

/** A teacher beside the first one. */
export interface TeacherChoice {
  /** An .onnx file or a model folder. */
  readonly model: string;
  /** Default 1. */
  readonly weight?: number | undefined;
}

/** A teacher with what its folder brings. */
export interface KnownTeacher extends TeacherValues {
  readonly known: KnownModel;
  readonly tokenizer: Tokenizer;
  readonly config: ModelConfig | undefined;
  /** From tokens to a text's vector, as its folder says. */
  readonly ownPooling: 'mean' | 'cls' | undefined;
  readonly feeding: Feeding;
  /** Most tokens of a text. */
  readonly maxLength: number;
}

export interface TeacherReading {
  readonly pooling?: VectorPooling | undefined;
  readonly maxLength?: number | undefined;
}

/** Throws UsageError, ModelError, DataError. */
export async function readTeacher(
  { model, weight = 1 }: TeacherChoice,
  who: string,
  reading: TeacherReading,
): Promise<KnownTeacher> {
  if (!(weight > 0)) throw new UsageError(`${who}: expected a weight above 0, found ${weight}`);
  return { ...(await teacherFrom(readKnownModel(model), who, reading)), weight };
}

/** A model that was read, as a teacher of weight 1. Throws ModelError, DataError. */
export async function teacherFrom(
  known: KnownModel,
  who: string,
  { pooling, maxLength: asked }: TeacherReading,
): Promise<KnownTeacher> {
  const { folder } = known.path;
  const [tokenizer, config, ownPooling] = await Promise.all([
    loadTokenizer(folder),
    loadConfig(folder),
    loadPooling(folder),
  ]);
  const values = new DistilledValues(who, known.model, known.recognition);
  const feeding = feedingOf(known, tokenizer);
  const maxLength = sequenceLimit({ asked, fixed: feeding.fixed, config, tokenizer });
  const own = pooling ?? (values.sentence() ? 'given' : (ownPooling ?? 'mean'));
  return {
    known,
    values,
    weight: 1,
    pooling: own,
    sameTokens: true,
    tokenizer,
    config,
    ownPooling,
    feeding,
    maxLength,
  };
}

/** What all texts of a run have in common for the student: the tokenizer, and how long they may be. */
export interface StudentTokens {
  readonly fingerprint: string;
  readonly feeding: Feeding;
  readonly maxLength: number;
}

/** Teachers beside the first, with the places of its classes in their scores. Throws UsageError, ModelError, DataError. */
export async function readOthers(
  choices: readonly TeacherChoice[],
  first: KnownTeacher,
  student: StudentTokens,
  reading: TeacherReading,
): Promise<KnownTeacher[]> {
  const others: KnownTeacher[] = [];
  for (const choice of choices) {
    const other = await readTeacher(choice, `teacher ${choice.model}`, reading);
    const sameTokens = readsAlike(other, student);
    refuseUnfeedable(other, sameTokens, student.feeding);
    others.push({ ...other, sameTokens, columns: columnsOf(first, other) });
  }
  return others;
}

function readsAlike({ tokenizer, feeding, maxLength }: KnownTeacher, student: StudentTokens): boolean {
  const { fixed } = feeding;
  return (
    tokenizer.fingerprint === student.fingerprint &&
    maxLength >= student.maxLength &&
    (fixed.sequence === undefined || fixed.sequence === student.feeding.fixed.sequence)
  );
}

/** Batches are the student's: as many texts, of several lengths where it has a mask. */
export function refuseUnfeedable(
  { known, feeding: { fixed, roles } }: Pick<KnownTeacher, 'known' | 'feeding'>,
  sameTokens: boolean,
  student: Feeding,
): void {
  const path = known.path.onnxPath;
  if (fixed.batch !== undefined && fixed.batch !== student.fixed.batch)
    throw new ModelError(
      `${path}: expected inputs of any number of texts, as the student takes them, found ${fixed.batch}`,
    );
  if (roles.mask === undefined && (student.roles.mask !== undefined || !sameTokens))
    throw new ModelError(`${path}: expected an input for the attention mask, found none: texts of a batch are padded`);
}

/** For each class of the first teacher its place in the other's scores, by name; undefined where in order. */
function columnsOf(first: KnownTeacher, other: KnownTeacher): readonly number[] | undefined {
  const [mineOf, theirsOf] = [first, other].map(({ values }) => values.logits()[0]);
  // places in a text and words of a vocabulary have no names, a number needs none, and scores of other kinds are refused
  if (!mineOf || mineOf.kind !== theirsOf?.kind || !/^(token-)?logits$/.test(mineOf.kind)) return undefined;
  if (mineOf.size === 1) return undefined;
  const [mine, theirs] = [first, other].map(({ config }) => config?.labels.map((label) => label.toLowerCase()) ?? []);
  const places = mine!.map((label) => theirs!.indexOf(label));
  if (mine!.length !== theirs!.length || places.includes(-1))
    throw new ModelError(
      `${other.known.path.onnxPath}: expected the labels of the first teacher ${shown(first)}, found ${shown(other)}`,
    );
  return places.every((place, i) => place === i) ? undefined : places;
}

/** Labels that an error names. */
const NAMED = 8;

function shown({ config }: KnownTeacher): string {
  const labels = config?.labels ?? [];
  return labels.length === 0 ? 'none' : `${labels.slice(0, NAMED).join(', ')}${labels.length > NAMED ? ' …' : ''}`;
}
