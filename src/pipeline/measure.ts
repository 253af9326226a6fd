// Measuring the original against the output: accuracy on labelled rows, parity without labels, latency in turn.
import { builtinDataset } from '../data/builtin-texts.ts';
import { loadConfig } from '../data/config.ts';
import { readRows, type ColumnNames, type Dataset } from '../data/rows.ts';
import { loadTokenizer } from '../data/tokenizer.ts';
import { DataError } from '../errors.ts';
import { compare } from '../evaluate/compare.ts';
import { evaluate, prepare, sequenceLimit } from '../evaluate/evaluate.ts';
import { guessTask } from '../evaluate/guess-task.ts';
import { latency, type LatencyResult, type Shape } from '../evaluate/latency.ts';
import { parity } from '../evaluate/parity.ts';
import { taskNamed } from '../evaluate/registry.ts';
import { checkRoles, fixedShape, rolesByName, type InputRoles } from '../evaluate/roles.ts';
import type { Prepared, Task } from '../evaluate/task.ts';
import type { ModelPath } from '../model-path.ts';
import type { Report } from '../report/schema.ts';
import { openSession, type Session, type ValueSpec } from '../runtime/session.ts';
import type { Events } from './events.ts';

export interface DataOptions extends ColumnNames {
  /** Labelled file; without it parity on built-in texts is measured. */
  readonly data?: string | undefined;
  readonly task?: string | undefined;
  readonly maxLength?: number | undefined;
  /** Rows at once. */
  readonly batch?: number | undefined;
}

export interface MeasureOptions extends DataOptions {
  readonly seed: number;
  readonly threads?: number | undefined;
  readonly ep?: readonly string[] | undefined;
  /** Shapes of the latency table; undefined: none is measured. */
  readonly shapes?: readonly Shape[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What to measure on, read and tokenized before anything is compressed, so that bad data costs no time. */
export interface Material {
  readonly task: Task;
  readonly prepared: Prepared;
  readonly dataset?: Dataset;
  readonly roles: InputRoles;
  readonly vocabularySize?: number;
  readonly maxPositions?: number;
  readonly notes: readonly string[];
}

/** The model as far as measuring goes. */
export interface Interface {
  readonly inputs: readonly ValueSpec[];
  readonly outputs: readonly ValueSpec[];
}

/** Read tokenizer and data; `recognised` are the inputs by meaning, else their names tell. Throws DataError; without `data` a model without tokenizer gives undefined (parity cannot be measured). */
export async function prepareMaterial(
  model: ModelPath,
  spec: Interface,
  options: DataOptions,
  recognised: InputRoles | undefined,
): Promise<Material | { readonly missing: string }> {
  const roles = recognised ?? rolesByName(spec.inputs);
  checkRoles(spec.inputs, roles);
  const config = await loadConfig(model.folder);
  const tokenizer = await loadTokenizer(model.folder).catch((error: unknown) => {
    if (options.data !== undefined || !(error instanceof DataError)) throw error;
    return { missing: error.message };
  });
  if ('missing' in tokenizer) return tokenizer;
  const maxLength = sequenceLimit({
    asked: options.maxLength,
    fixed: fixedShape(spec.inputs, roles),
    config,
    tokenizer,
  });
  const dataset = options.data === undefined ? undefined : await readRows(options.data, options);
  const guess = guessTask(config, spec.outputs, dataset);
  const task = taskNamed(dataset === undefined ? 'feature-extraction' : (options.task ?? guess.task));
  const prepared = prepare(task, dataset ?? builtinDataset(), { tokenizer, maxLength, config });
  const notes =
    dataset && options.task === undefined
      ? [`task ${task.name}, guessed from ${guess.from}: name another with --task`]
      : [];
  return {
    task,
    prepared,
    roles,
    notes,
    vocabularySize: tokenizer.vocabularySize,
    ...(dataset ? { dataset } : {}),
    ...(config?.maxPositions === undefined ? {} : { maxPositions: config.maxPositions }),
  };
}

export type Measured = Pick<Report, 'accuracy' | 'parity' | 'latency'> & { readonly notes: readonly string[] };

/** Run both models. Throws ModelError where one does not load or run. */
export async function measure(
  before: string,
  after: string,
  material: Material,
  options: MeasureOptions,
  events: Events,
): Promise<Measured> {
  const settings = {
    ...(options.threads === undefined ? {} : { threads: options.threads }),
    ...(options.ep === undefined ? {} : { providers: options.ep }),
  };
  const a = await openSession(before, settings);
  try {
    const b = await openSession(after, { ...settings, name: 'the compressed model' });
    try {
      const scored = await score(a, b, material, options, events);
      const timed = options.shapes ? await time(a, b, material, options, events) : undefined;
      return {
        ...scored,
        ...(timed ? { latency: [...timed.latency] } : {}),
        notes: [...scored.notes, ...latencyNotes(timed)],
      };
    } finally {
      await b.release();
    }
  } finally {
    await a.release();
  }
}

async function score(
  a: Session,
  b: Session,
  material: Material,
  options: MeasureOptions,
  events: Events,
): Promise<Measured> {
  const { prepared, roles } = material;
  const run = (label: string) => ({ roles, batch: options.batch, signal: options.signal, progress: events.bar(label) });
  if (!material.dataset) {
    const { outputs: _each, ...found } = await parity(a, b, prepared, run('measuring parity'));
    return {
      parity: found,
      notes: [`accuracy was not measured: no --data; parity is of ${prepared.samples} built-in texts`],
    };
  }
  const one = await evaluate(a, prepared, run('measuring the original'));
  const two = await evaluate(b, prepared, run('measuring the output'));
  const { accuracy, parity: close } = compare(one, two, { seed: options.seed });
  return {
    ...(accuracy ? { accuracy: { ...accuracy, ci95: [...accuracy.ci95], verdict: 'not-checked' } } : {}),
    ...(close ? { parity: close } : {}),
    notes: [...one.notes, ...two.notes],
  };
}

function time(
  a: Session,
  b: Session,
  material: Material,
  options: MeasureOptions,
  events: Events,
): Promise<LatencyResult> {
  return latency(a, b, {
    shapes: options.shapes,
    roles: material.roles,
    vocabularySize: material.vocabularySize,
    maxPositions: material.maxPositions,
    seed: options.seed,
    signal: options.signal,
    progress: events.bar('measuring latency'),
  });
}

function latencyNotes(timed: LatencyResult | undefined): string[] {
  if (!timed) return [];
  const skipped = timed.skipped.map(
    (shape) => `latency at ${shape.batch} x ${shape.sequence} was not measured: ${shape.reason}`,
  );
  const slower = timed.latency.filter((row) => row.speedup < 1).map((row) => `${row.batch} x ${row.sequence}`);
  return slower.length > 0 ? [...skipped, `slower than the original on this CPU at ${slower.join(', ')}`] : skipped;
}
