// What is its own in the end of a distillation: the student's configuration, and what it is measured beside.
import { join } from 'node:path';
import { taskNamed } from '../../evaluate/registry.ts';
import { cloneModel } from '../../ir/clone.ts';
import type { Model } from '../../ir/graph.ts';
import { studentConfig } from '../../passes/student/student-config.ts';
import type { CompressionReport } from '../../report/schema.ts';
import type { DistillOptions } from './distill.ts';
import type { DistillSetUp } from './set-up.ts';
import type { Events } from '../events.ts';
import { prepareMaterial, type Material } from '../material.ts';
import { measure, type Measured } from '../measure.ts';
import type { OutputPlan } from '../output.ts';
import type { Made } from '../learn/train-in-place.ts';
import { entryOf, finishTraining } from '../learn/trained.ts';

export interface Distilled extends Made<DistillSetUp> {
  readonly notes: readonly string[];
}

/** Throws ModelError where the written model does not load or run. */
export function finishDistill(done: Distilled, options: DistillOptions, events: Events): Promise<CompressionReport> {
  const { setUp, result } = done;
  const trained = {
    ...done,
    ...setUp,
    command: 'distill' as const,
    original: setUp.teacher,
    model: withoutProjections(result.model),
    steps: setUp.student.steps,
    settings: { ...setUp.weights, ...taught(setUp), batch: options.batch, ...options.training },
    notes: [...setUp.notes, ...done.notes],
  };
  return finishTraining(trained, options, () => measureBoth(done, options, events), events);
}

/** Who taught, where there are several. */
function taught({ teachers }: DistillSetUp): { readonly teachers?: readonly object[] } {
  if (teachers.length === 1) return {};
  return { teachers: teachers.map(({ known, weight }) => ({ model: known.path.onnxPath, weight })) };
}

/** The plan with the student's sizes in the configuration. */
export function withStudentConfig(plan: OutputPlan, { teacher, student }: DistillSetUp): OutputPlan {
  const config = student.own ? student.known.path.config : teacher.path.config;
  if (plan.folder === undefined || config === undefined) return plan;
  const text = `${JSON.stringify(studentConfig(config, student.sizes), null, 2)}\n`;
  return { ...plan, texts: new Map([[join(plan.folder, 'config.json'), text]]) };
}

/** Projections of hidden states are the loss's, not the student's. */
export function withoutProjections(trained: Model): Model {
  const model = cloneModel(trained);
  for (const name of model.graph.initializers.keys())
    if (name.startsWith('distill_projection_')) model.graph.initializers.delete(name);
  return model;
}

/** Teacher and student on the rows to judge by, else on built-in texts; latency of both. */
async function measureBoth({ setUp, staging }: Distilled, options: DistillOptions, events: Events): Promise<Measured> {
  const { dev, teacher, teachers, student, tokenizer, config, maxLength, feeding } = setUp;
  const { signal: _signal, batch: _batch, ...rest } = options;
  const mine = { onnxPath: staging.path, name: 'the student', roles: feeding.roles };
  if (!dev) {
    const material = await prepareMaterial([teacher], { seed: options.seed, maxLength });
    if ('missing' in material) return { found: [{}], notes: [material.missing] };
    const [original] = material.entries;
    return measure([original!, { ...original!, ...mine }], material, rest, events);
  }
  const at = { ...dev, roles: teachers[0]!.feeding.roles };
  const entry = entryOf(at, teacher.path.onnxPath, { tokenizer, config, maxLength });
  const entries = [entry, { ...entry, ...mine, config: student.own ? undefined : config }];
  const material: Material = { task: taskNamed(dev.task), dataset: dev.dataset, labelled: true, entries, notes: [] };
  return measure(entries, material, rest, events);
}
