// How much the model's answers change when a layer is left out: measured, layer by layer, on texts.
import { boundariesOf } from '../bert/boundaries.ts';
import { recognise } from '../bert/recognise.ts';
import { builtinDataset } from '../data/builtin-texts.ts';
import { loadConfig } from '../data/config.ts';
import { loadTokenizer, type Encoding, type Tokenizer } from '../data/tokenizer/tokenizer.ts';
import { ModelError } from '../errors.ts';
import { sequenceLimit } from '../evaluate/evaluate.ts';
import { makeFeeds } from '../evaluate/feeds.ts';
import { toFloat32 } from '../evaluate/outputs.ts';
import { cloneModel } from '../ir/clone.ts';
import type { Model } from '../ir/graph.ts';
import type { PaddedBatch } from '../objectives/goal.ts';
import { padSequences } from '../objectives/pad.ts';
import { keepLayers } from '../passes/student/keep-layers.ts';
import { feedingOf } from './distill-set-up.ts';
import type { KnownModel } from './known-model.ts';
import type { Workshop } from './prune-works.ts';
import { Scratch } from './training.ts';

/** Texts that are looked at, and how many go through the model at once. */
const [TEXTS, BATCH] = [256, 32];
/** More classes than these (a vocabulary) are too much to keep of every token. */
const CLASSES = 1000;

/** Layers in the order in which they go, and how far the answers are from the original's without each and those before it. */
export interface LayerOrder {
  readonly gone: readonly number[];
  readonly distances: readonly number[];
  /** What the distance is. */
  readonly measure: 'KL divergence, nats' | '1 - cosine of the last hidden states';
}

/**
 * Leaves out `count` layers, one after the other: each time the one without which the answers stay nearest to the
 * original's. Answers are class scores where the model has some, else the states behind the last layer.
 * Throws ModelError for a model whose layers cannot be told apart.
 */
export async function leastLayers(known: KnownModel, count: number, shop: Workshop): Promise<LayerOrder> {
  const { material, options, events } = shop;
  const tokenizer = material?.tokenizer ?? (await loadTokenizer(known.path.folder));
  const feeding = feedingOf(known, tokenizer);
  const config = await loadConfig(known.path.folder);
  const most = sequenceLimit({ asked: undefined, fixed: feeding.fixed, config, tokenizer });
  const texts = material?.samples.flatMap(({ sequences }) => sequences) ?? (await builtinTexts(tokenizer, most));
  const batches = batchesOf(texts, feeding);
  const scores = scoresOf(known);
  const scratch = new Scratch();
  const answers = (model: Model): Promise<Float32Array[][]> => {
    const asked = cloneModel(model);
    const names = scores.length > 0 ? scores : [endOf(model)];
    asked.graph.outputs = names.map((name) => ({ name }));
    return scratch.with(asked, 'the model without a layer', options, async (session) => {
      const found: Float32Array[][] = [];
      for (const batch of batches) {
        options.signal?.throwIfAborted();
        const outputs = await session.run(makeFeeds(session.inputs, feeding.roles, batch));
        found.push(names.map((name) => toFloat32(name, outputs[name]!)));
      }
      return found;
    });
  };
  const distance = scores.length > 0 ? divergence : cosineDistance;
  const layers = known.recognition.encoders[0]!.layers.length;
  const bar = events.bar('looking at layers');
  const [gone, distances]: [number[], number[]] = [[], []];
  try {
    const wanted = await answers(known.model);
    const width = widthOf(known, scores);
    for (let round = 0; round < count; round++) {
      let best = { layer: -1, far: Infinity };
      for (let layer = 0; layer < layers; layer++) {
        if (gone.includes(layer)) continue;
        bar(round * layers + layer, count * layers);
        const kept = Array.from({ length: layers }, (_, i) => i).filter((i) => i !== layer && !gone.includes(i));
        const { model } = keepLayers.run(known.model, { layers: kept }, { log: events.log, progress: () => {} });
        const far = meanOf(wanted, await answers(model), batches, width, distance);
        if (far < best.far) best = { layer, far };
      }
      gone.push(best.layer);
      distances.push(best.far);
    }
  } finally {
    scratch.dispose();
  }
  const measure = scores.length > 0 ? 'KL divergence, nats' : '1 - cosine of the last hidden states';
  return { gone, distances, measure };
}

/** Outputs of class scores. */
function scoresOf({ recognition: { head, encoders } }: KnownModel): string[] {
  if (encoders.length !== 1)
    throw new ModelError(
      `--drop-layers: expected one encoder to leave layers out of, found ${encoders.length}: name the layers`,
    );
  const outputs = head.outputs.filter(({ kind, size = 0 }) => kind.endsWith('logits') && size > 1 && size <= CLASSES);
  return outputs.map(({ name }) => name);
}

function widthOf({ recognition: { head, encoders } }: KnownModel, [score]: readonly string[]): number {
  const size = score === undefined ? encoders[0]!.hidden : head.outputs.find(({ name }) => name === score)?.size;
  if (size === undefined) throw new ModelError('--drop-layers: expected hidden states of a known width, found none');
  return size;
}

/** What comes out of the last layer. */
function endOf(model: Model): string {
  const [encoder] = recognise(model).encoders;
  const cut = encoder ? boundariesOf(model.graph, encoder) : 'no encoder';
  if (typeof cut !== 'string' && cut.out !== undefined) return cut.out;
  throw new ModelError(
    `--drop-layers: expected the output of the last layer, found ${typeof cut === 'string' ? cut : 'none of its shape'}: name the layers`,
  );
}

async function builtinTexts(tokenizer: Tokenizer, most: number): Promise<Encoding[]> {
  const texts: Encoding[] = [];
  for await (const row of builtinDataset().rows()) texts.push(tokenizer.encode(row.text, row.textPair, most));
  return texts;
}

function batchesOf(texts: readonly Encoding[], { fixed, ...feeding }: ReturnType<typeof feedingOf>): PaddedBatch[] {
  const some = texts.slice(0, TEXTS).toSorted((a, b) => b.ids.length - a.ids.length);
  const size = fixed.batch ?? BATCH;
  const batches: PaddedBatch[] = [];
  for (let at = 0; at + (fixed.batch ?? 1) <= some.length; at += size)
    batches.push(padSequences(some.slice(at, at + size), { ...feeding, fixedSequence: fixed.sequence }));
  return batches;
}

/** From a vector of the original to the same of another model. */
type Distance = (a: Float32Array, b: Float32Array) => number;

/** Over all vectors that are a text's or a token's; those of padding are left out. */
function meanOf(
  wanted: readonly (readonly Float32Array[])[],
  found: readonly (readonly Float32Array[])[],
  batches: readonly PaddedBatch[],
  width: number,
  distance: Distance,
): number {
  let [sum, count] = [0, 0];
  for (const [b, { mask }] of batches.entries())
    for (const [i, values] of wanted[b]!.entries()) {
      const vectors = values.length / width;
      for (let v = 0; v < vectors; v++) {
        if (vectors === mask.length && mask[v] === 0) continue;
        const slice = (all: Float32Array): Float32Array => all.subarray(v * width, (v + 1) * width);
        sum += distance(slice(values), slice(found[b]![i]!));
        count++;
      }
    }
  return sum / count;
}

function divergence(a: Float32Array, b: Float32Array): number {
  const [p, q] = [logSoftmax(a), logSoftmax(b)];
  return p.reduce((sum, log, i) => sum + Math.exp(log) * (log - q[i]!), 0);
}

function logSoftmax(scores: Float32Array): number[] {
  const most = scores.reduce((a, b) => Math.max(a, b), -Infinity);
  const log = Math.log(scores.reduce((sum, x) => sum + Math.exp(x - most), 0));
  return Array.from(scores, (x) => x - most - log);
}

function cosineDistance(a: Float32Array, b: Float32Array): number {
  let [dot, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    aa += a[i]! ** 2;
    bb += b[i]! ** 2;
  }
  return 1 - dot / Math.sqrt(aa * bb || 1);
}
