// A small BERT that learns to tell classes apart: objective, batches and context on onnxruntime, with a clock that counts.
import { crossEntropy } from '../../src/train/losses.ts';
import { bucketedBatches } from '../../src/train/batches.ts';
import type { BatchSource, Objective, TrainContext, TrainOptions } from '../../src/train/types.ts';
import type { Model } from '../../src/ir/graph.ts';
import { createRandom } from '../../src/math/random.ts';
import { tinyBert } from '../support/bert.ts';
import { int64, openModel } from './support.ts';

const LABELS = 3;

/** Sentences whose label is how many of the tokens 50 to 99 they have, modulo nothing: the class of their first token. */
export function sentences(count: number, seed: number): { ids: number[]; label: number }[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => {
    const label = random.below(LABELS);
    const length = 3 + random.below(6);
    const ids = Array.from({ length }, (_, i) => (i === 1 ? 10 + label : 20 + random.below(70)));
    return { ids, label };
  });
}

function feedsOf(rows: readonly { ids: number[]; label: number }[]) {
  const width = Math.max(...rows.map(({ ids }) => ids.length));
  const padded = (fill: (id: number) => number): number[] =>
    rows.flatMap(({ ids }) => Array.from({ length: width }, (_, i) => (i < ids.length ? fill(ids[i]!) : 0)));
  const dims = [rows.length, width];
  return {
    input_ids: int64(
      dims,
      padded((id) => id),
    ),
    attention_mask: int64(
      dims,
      padded(() => 1),
    ),
    token_type_ids: int64(
      dims,
      padded(() => 0),
    ),
    labels: int64(
      [rows.length],
      rows.map(({ label }) => label),
    ),
  };
}

/** Trains all weights but the position and segment tables. */
export function tinyObjective(model = tinyBert()): Objective {
  const names = [...model.graph.initializers].filter(
    ([name, { dtype, shape }]) => dtype === 'float32' && shape.length > 0 && !/token_type|position/.test(name),
  );
  return {
    model,
    weights: names.map(([name, { shape }]) => ({ name, decay: shape.length > 1 })),
    appendLoss: (builder) => {
      const loss = crossEntropy(builder, 'logits', 'labels', { classes: LABELS });
      return { loss, inputs: [{ name: 'labels', dtype: 'int64', shape: ['batch'] }], parts: { hard: loss } };
    },
  };
}

export function tinyBatches(count = 64, batch = 8, seed = 1): BatchSource {
  const rows = sentences(count, seed);
  return bucketedBatches(
    rows.map(({ ids }) => ids.length),
    (examples) => ({ feeds: feedsOf(examples.map((i) => rows[i]!)), rows: examples.length }),
    { batch, seed, together: 4 },
  );
}

/** A context whose clock goes on by a second every time it is looked at. */
export function tinyContext(change: Partial<TrainContext> = {}): TrainContext & { readonly lines: string[] } {
  let clock = 0;
  const lines: string[] = [];
  return { open: openModel, now: () => 1000 * clock++, log: (line) => lines.push(line), lines, ...change };
}

export const tinyOptions: TrainOptions = { length: { epochs: 2 }, rate: 5e-3 };

/** Accuracy on sentences that were not trained on. */
export async function accuracy(model: Model): Promise<number> {
  const rows = sentences(60, 99);
  const session = await openModel(model);
  const { labels: _, ...feeds } = feedsOf(rows);
  const logits = (await session.run(feeds))['logits']!.data as Float32Array;
  await session.release();
  const right = rows.filter(({ label }, i) => {
    const scores = logits.subarray(i * LABELS, (i + 1) * LABELS);
    return scores.indexOf(Math.max(...scores)) === label;
  });
  return right.length / rows.length;
}

/** The bytes of all weights, as one text to compare. */
export function weightsOf(model: Model): string {
  return [...model.graph.initializers]
    .map(([name, t]) => `${name} ${Buffer.from(t.bytes()).toString('base64')}`)
    .join('\n');
}

/** A run with checkpoints in a folder, going on from what is there. */
export function killedOptions(folder: string): TrainOptions {
  return { ...tinyOptions, checkpoint: { folder, everySteps: 3, fingerprint: 'killed', resume: true } };
}
