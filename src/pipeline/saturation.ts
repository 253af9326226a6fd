// What a CPU whose 8-bit products saturate makes of a model: a note of the risk, and the score there by emulation.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Dataset, Row } from '../data/dataset.ts';
import { ModelError, UsageError } from '../errors.ts';
import { evaluate } from '../evaluate/evaluate.ts';
import type { Model } from '../ir/graph.ts';
import { writeModel } from '../onnx/write.ts';
import { emulateSaturation } from '../passes/saturation/emulate.ts';
import { saturationRisk } from '../passes/saturation/risk.ts';
import type { Candidate } from '../report/schema.ts';
import { openSession, type Session } from '../runtime/session.ts';
import type { Events } from './events.ts';
import type { Entry, Material } from './material.ts';
import type { Found, MeasureOptions } from './measure.ts';

/** Rows that the emulation runs: it makes thousands of numbers for each that the kernel makes. */
const emulatedRows = 200;

/** A line for the user where a model's 8-bit products can saturate on other CPUs. */
export function saturationNote(model: Model, name: string): string | undefined {
  const { products, of } = saturationRisk(model);
  if (products === 0) return undefined;
  return `${name}: ${products} of ${of} u8 x s8 products can saturate on x86 CPUs without VNNI; --emulate-saturation shows the score there, --reduce-range on avoids it`;
}

/**
 * Adds to what was found of a model its score with saturating products, where it has products that can saturate.
 * @throws UsageError without labelled data; ModelError where the products are of a kind that is not emulated
 */
export async function withSaturation(
  found: Found,
  entries: readonly [Entry, Entry],
  model: Model,
  material: Material,
  options: MeasureOptions,
  events: Events,
): Promise<Found> {
  const { accuracy } = found;
  if (accuracy === undefined)
    throw new UsageError(
      `--emulate-saturation: expected --data and a task with a metric, found ${material.labelled ? material.task.name : 'no --data'}`,
    );
  if (saturationRisk(model).products === 0) return found;
  return {
    ...found,
    accuracy: { ...accuracy, saturated: await scoreSaturated(entries, model, material, options, events) },
  };
}

type Saturated = NonNullable<NonNullable<Candidate['accuracy']>['saturated']>;

/**
 * Score the original, a model, and the model with saturating products on the same rows, evenly spaced in the data.
 * @throws ModelError where the model has no products that can be emulated
 */
async function scoreSaturated(
  [original, candidate]: readonly [Entry, Entry],
  model: Model,
  { task, dataset }: Material,
  options: MeasureOptions,
  events: Events,
): Promise<Saturated> {
  const folder = mkdtempSync(join(tmpdir(), 'bert-compress-'));
  const sessions: Session[] = [];
  try {
    const path = join(folder, 'saturated.onnx');
    const emulated = emulateSaturation(model);
    const { products } = saturationRisk(emulated);
    if (products > 0)
      throw new ModelError(
        `${candidate.onnxPath}: --emulate-saturation: expected 8-bit products by MatMulInteger, found ${products} by other operators`,
      );
    writeModel(emulated, path);
    const settings = options.threads === undefined ? {} : { threads: options.threads };
    for (const onnxPath of [original.onnxPath, candidate.onnxPath, path]) {
      sessions.push(await openSession(onnxPath, settings));
    }
    const entries = [original, candidate, candidate].map((entry, i) => ({ ...entry, session: sessions[i]! }));
    const { models } = await evaluate(task.name, evenly(dataset, emulatedRows), entries, {
      batch: 1,
      signal: options.signal,
      progress: events.bar('emulating saturation'),
    });
    const [before, exact, after] = models.map((one) => one.value ?? 0) as [number, number, number];
    return { before, exact, after, drop: before - after, samples: models[0]!.samples };
  } finally {
    for (const session of sessions) await session.release();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** At most `most` rows of a data set, evenly spaced. */
function evenly(dataset: Dataset, most: number): Dataset {
  const step = Math.ceil(dataset.size / most);
  return {
    ...dataset,
    size: Math.ceil(dataset.size / step),
    async *rows(): AsyncIterable<Row> {
      let i = 0;
      for await (const row of dataset.rows()) if (i++ % step === 0) yield row;
    },
  };
}
