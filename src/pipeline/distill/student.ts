// The student before it learns: cut out of the teacher by passes, or another model.
import { recognise } from '../../bert/recognise.ts';
import { loadTokenizer } from '../../data/tokenizer/tokenizer.ts';
import { ModelError, UsageError } from '../../errors.ts';
import { keepLayers } from '../../passes/student/keep-layers.ts';
import { keptLayers, type LayerChoice } from '../../passes/student/layer-list.ts';
import { layerMap, type LayerMapChoice } from '../../passes/student/layer-map.ts';
import { narrowFfn } from '../../passes/student/narrow-ffn.ts';
import { narrowHeads } from '../../passes/student/narrow-heads.ts';
import type { StudentSizes } from '../../passes/student/student-config.ts';
import type { ReportStep } from '../../report/schema.ts';

import type { Events } from '../events.ts';
import { readKnownModel, type KnownModel } from '../known-model.ts';
import { runSteps, type Step } from '../steps.ts';

export interface StudentOptions {
  /** How many layers to keep, or which. */
  readonly layers?: LayerChoice | undefined;
  readonly heads?: number | undefined;
  readonly ffn?: number | undefined;
  /** Another model instead. */
  readonly student?: string | undefined;
  readonly layerMap?: LayerMapChoice | undefined;
}

export interface Student {
  readonly known: KnownModel;
  readonly steps: readonly ReportStep[];
  /** [student, teacher] */
  readonly layers: readonly (readonly [number, number])[];
  readonly sizes: StudentSizes;
  /** Names of its layers' outputs, where they are known. */
  readonly outputs?: readonly string[] | undefined;
  /** Whether configuration and tokenizer are those of another model folder. */
  readonly own: boolean;
}

/** Throws UsageError, ModelError, DataError. */
export async function studentOf(teacher: KnownModel, options: StudentOptions, events: Events): Promise<Student> {
  const { layers, heads, ffn, student } = options;
  const cut = layers !== undefined || heads !== undefined || ffn !== undefined;
  if (cut === (student !== undefined))
    throw new UsageError(
      `student: expected --layers, --heads or --ffn to cut one out of the teacher, or --student MODEL, found ${cut ? 'both' : 'none'}`,
    );
  return student === undefined ? cutStudent(teacher, options, events) : otherStudent(teacher, student, options);
}

function cutStudent(teacher: KnownModel, options: StudentOptions, events: Events): Student {
  const { layers, heads, ffn } = options;
  const steps: Step[] = [
    ...(layers === undefined ? [] : [{ pass: keepLayers, options: { layers } }]),
    ...(heads === undefined ? [] : [{ pass: narrowHeads, options: { heads } }]),
    ...(ffn === undefined ? [] : [{ pass: narrowFfn, options: { ffn } }]),
  ];
  const optional = true; // a width may be the teacher's, as long as something is smaller
  const { model, steps: reports } = runSteps(
    teacher.model,
    steps.map((step) => ({ ...step, optional })),
    events,
  );
  if (reports.length === 0)
    throw new UsageError('student: expected one smaller than the teacher, found sizes that are those of the teacher');
  const of = layersOf(teacher);
  const kept = layers === undefined ? [...Array(of).keys()] : keptLayers(layers, of);
  return {
    known: { ...teacher, model, recognition: recognise(model) },
    steps: reports,
    layers: options.layerMap === undefined ? kept.map((t, s) => [s, t]) : layerMap(options.layerMap, kept.length, of),
    sizes: { ...(layers === undefined ? {} : { layers: { kept, of } }), heads, ffn },
    own: false,
  };
}

async function otherStudent(teacher: KnownModel, path: string, { layerMap: map }: StudentOptions): Promise<Student> {
  const known = readKnownModel(path);
  const [mine, theirs] = await Promise.all([loadTokenizer(known.path.folder), loadTokenizer(teacher.path.folder)]);
  if (mine.fingerprint !== theirs.fingerprint)
    throw new ModelError(
      `${path}: expected a student with the teacher's tokenizer, found one that tokenizes otherwise`,
    );
  const [own, given] = [labelsOf(known), labelsOf(teacher)];
  if (own !== given && own !== '' && given !== '')
    throw new ModelError(`${path}: expected a student with the teacher's labels ${given}, found ${own}`);
  const layers = layerMap(map ?? 'even', layersOf(known), layersOf(teacher));
  return { known, steps: [], layers, sizes: {}, own: true };
}

/** Names of the labels by their ids, as the config has them. */
function labelsOf({ path }: KnownModel): string {
  const labels = path.config?.['id2label'];
  return typeof labels === 'object' && labels !== null ? Object.values(labels).join(', ') : '';
}

function layersOf({ path, recognition }: KnownModel): number {
  const [encoder, another] = recognition.encoders;
  if (!encoder || another || encoder.layers.length === 0)
    throw new ModelError(
      `${path.onnxPath}: expected one encoder whose layers are recognised, found ${another ? 'several encoders' : recognition.reasons.join('; ') || 'no layers'}`,
    );
  return encoder.layers.length;
}
