// Measuring models against the original: accuracy on labelled rows, parity without labels, latency in turn.
import { compare, type Accuracy } from '../evaluate/compare.ts';
import { evaluate, type Evaluation } from '../evaluate/evaluate.ts';
import { measureLatency, type LatencyResult, type Shape } from '../evaluate/latency.ts';
import { parity } from '../evaluate/parity.ts';
import type { Candidate } from '../report/schema.ts';
import { openSession, type Session } from '../runtime/session.ts';
import type { Events } from './events.ts';
import type { Gates } from './gates.ts';
import type { Entry, Material } from './material.ts';

export interface MeasureOptions {
  readonly seed: number;
  /** Rows at once. */
  readonly batch?: number | undefined;
  readonly threads?: number | undefined;
  readonly ep?: readonly string[] | undefined;
  /** Shapes of the latency table; undefined: none is measured. */
  readonly shapes?: readonly Shape[] | undefined;
  readonly gates?: Gates | undefined;
  readonly showChanged?: number | undefined;
  /** Folds over which the spread of the metric is told. */
  readonly crossValidate?: number | undefined;
  /** Also score as a CPU without exact u8 x s8 products gives it. */
  readonly emulateSaturation?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What was found of one model beside the original. */
export interface Found extends Pick<Candidate, 'accuracy' | 'tasks' | 'parity' | 'latency' | 'changed'> {
  /** Absent without labelled data. */
  readonly evaluation?: Evaluation;
}

export interface Measured {
  /** Of the original, where there is labelled data. */
  readonly original?: Evaluation;
  /** Of every entry but the first. */
  readonly found: readonly Found[];
  readonly notes: readonly string[];
}

/** Run the models of `entries`, the original first. Throws ModelError where one does not load or run. */
export async function measure(
  entries: readonly Entry[],
  material: Material,
  options: MeasureOptions,
  events: Events,
): Promise<Measured> {
  const sessions: Session[] = [];
  try {
    for (const { onnxPath, name } of entries) {
      sessions.push(
        await openSession(onnxPath, {
          ...(options.threads === undefined ? {} : { threads: options.threads }),
          ...(options.ep === undefined ? {} : { providers: options.ep }),
          ...(name === undefined ? {} : { name }),
        }),
      );
    }
    const lanes = entries.map((entry, i) => ({ ...entry, session: sessions[i]! }));
    const scored = material.labelled
      ? await score(lanes, material, options, events)
      : await compareOutputs(lanes, material, options, events);
    return options.shapes ? withLatency(scored, await time(lanes, options, events), namesOf(entries)) : scored;
  } finally {
    for (const session of sessions) await session.release();
  }
}

/** Of latency, for each candidate. */
const millisecondsAShape = 2000;

type Lane = Entry & { readonly session: Session };

async function score(
  lanes: readonly Lane[],
  { task, dataset }: Material,
  options: MeasureOptions,
  events: Events,
): Promise<Measured> {
  const { batch, signal, showChanged, seed } = options;
  const progress = events.bar(`measuring ${dataset.size} rows`);
  const { models, differences } = await evaluate(task.name, dataset, lanes, { batch, signal, showChanged, progress });
  const [original, ...others] = models;
  const found = others.map((evaluation, i): Found => {
    const accuracy = compare(original!, evaluation, {
      seed,
      folds: options.crossValidate,
      allowed: options.gates?.maxDrop?.allowed,
    });
    const { parity, changed } = differences[i]!;
    return {
      evaluation,
      ...(accuracy ? { accuracy: reported(accuracy) } : {}),
      ...(parity ? { parity } : {}),
      ...(showChanged ? { changed: [...changed] } : {}),
    };
  });
  return { original: original!, found, notes: [...new Set(models.flatMap((model) => model.notes))] };
}

function reported(accuracy: Accuracy): NonNullable<Candidate['accuracy']> {
  return { ...accuracy, ci95: [...accuracy.ci95], verdict: 'not-checked' };
}

/** Without labels: every float output of each model against the original's, on the built-in texts. */
async function compareOutputs(
  lanes: readonly Lane[],
  { dataset }: Material,
  options: MeasureOptions,
  events: Events,
): Promise<Measured> {
  const [original, ...others] = lanes;
  const found: Found[] = [];
  for (const lane of others) {
    const texts = [];
    for await (const row of dataset.rows()) {
      texts.push(original!.tokenizer.encode(row.text, row.textPair, Math.min(original!.maxLength, lane.maxLength)));
    }
    const { outputs: _each, ...close } = await parity(original!.session, lane.session, texts, original!.padding, {
      roles: original!.roles,
      rolesAfter: lane.roles,
      batch: options.batch,
      signal: options.signal,
      progress: events.bar('measuring parity'),
    });
    found.push({ parity: close });
  }
  return { found, notes: [`accuracy was not measured: no --data; parity is of ${dataset.size} built-in texts`] };
}

/** All models in turn: each candidate against the original, whose times they share. */
function time(lanes: readonly Lane[], options: MeasureOptions, events: Events): Promise<LatencyResult[]> {
  const positions = lanes.map((lane) => lane.config?.maxPositions).filter((count) => count !== undefined);
  return measureLatency(lanes, {
    shapes: options.shapes,
    vocabularySize: Math.min(...lanes.map((lane) => lane.tokenizer.vocabularySize)),
    maxPositions: positions.length === 0 ? undefined : Math.min(...positions),
    budgetMs: millisecondsAShape * (lanes.length - 1),
    seed: options.seed,
    signal: options.signal,
    progress: events.bar('measuring latency'),
  });
}

function withLatency(scored: Measured, timed: readonly LatencyResult[], names: readonly string[]): Measured {
  const found = scored.found.map((one, i) => ({ ...one, latency: [...timed[i]!.latency] }));
  const notes = new Set(timed.flatMap((result, i) => latencyNotes(result, names[i]!)));
  return { ...scored, found, notes: [...scored.notes, ...notes] };
}

/** What notes call each candidate: nothing where there is only one. */
function namesOf([, ...candidates]: readonly Entry[]): string[] {
  return candidates.map(({ onnxPath, name = onnxPath }) => (candidates.length === 1 ? '' : `${name}: `));
}

function latencyNotes(timed: LatencyResult, name: string): string[] {
  const skipped = timed.skipped.map(
    (shape) => `latency at ${shape.batch} x ${shape.sequence} was not measured: ${shape.reason}`,
  );
  const slower = timed.latency.filter((row) => row.speedup < 1).map((row) => `${row.batch} x ${row.sequence}`);
  if (slower.length === 0) return skipped;
  return [...skipped, `${name}slower than the original on this CPU at ${slower.join(', ')}`];
}
