// What a model answers to some texts, and how far another model's answers are from it.
import { boundariesOf } from '../../bert/boundaries.ts';
import { recognise } from '../../bert/recognise.ts';
import { builtinDataset } from '../../data/builtin-texts.ts';
import { loadConfig } from '../../data/config.ts';
import { loadTokenizer, type Encoding } from '../../data/tokenizer/tokenizer.ts';
import { ModelError } from '../../errors.ts';
import { sequenceLimit } from '../../evaluate/evaluate.ts';
import { makeFeeds } from '../../evaluate/feeds.ts';
import { toFloat32 } from '../../evaluate/outputs.ts';
import { cloneModel } from '../../ir/clone.ts';
import type { Model } from '../../ir/graph.ts';
import type { Feeding } from '../../objectives/batch-source.ts';
import type { PaddedBatch } from '../../objectives/goal.ts';
import { padSequences } from '../../objectives/pad.ts';
import { feedingOf } from '../learn/feeding.ts';
import type { KnownModel } from '../known-model.ts';
import type { Texts } from './value-sums.ts';
import type { Workshop } from './works.ts';
import { Scratch } from '../learn/training.ts';

/** Texts that are looked at, and how many go through the model at once. */
const [TEXTS, BATCH] = [256, 32];
/** More classes than these (a vocabulary) are too much to keep of every token. */
const CLASSES = 1000;

/** For each batch the values of each output asked for. */
type Answers = readonly (readonly Float32Array[])[];

/** The questions: texts in batches, and what of a model's values counts as its answer. */
interface Questions {
  readonly batches: readonly PaddedBatch[];
  readonly feeding: Feeding;
  /** Outputs of class scores; none: the states behind the last layer. */
  readonly scores: readonly string[];
  /** Numbers of an answer: classes, or the width of a state. */
  readonly width: number;
}

/** Distances of other models' answers from those of one. */
export interface Distances {
  /** What a distance is. */
  readonly measure: 'KL divergence, nats' | '1 - cosine of the last hidden states';
  /** Throws ModelError where the model does not run. */
  to(model: Model): Promise<number>;
}

/** Asks a model once, then others as often as `use` wants. Throws ModelError for several encoders. */
export async function withDistances<T>(
  known: KnownModel,
  shop: Workshop,
  use: (distances: Distances) => Promise<T>,
): Promise<T> {
  const questions = await questionsFor(known, shop);
  const scratch = new Scratch();
  try {
    const wanted = await answersOf(known.model, questions, scratch, shop.options);
    return await use({
      measure: questions.scores.length > 0 ? 'KL divergence, nats' : '1 - cosine of the last hidden states',
      to: async (model) => distanceOf(wanted, await answersOf(model, questions, scratch, shop.options), questions),
    });
  } finally {
    scratch.dispose();
  }
}

/** Class scores where the model has some, on texts of --data, else on built-in ones. Throws ModelError for several encoders. */
async function questionsFor(known: KnownModel, shop: Workshop): Promise<Questions> {
  const { encodings, feeding } = await textsFor(known, shop);
  return { batches: batchesOf(encodings, feeding), feeding, ...answerOf(known) };
}

/** Texts of --data, tokenized; without it the built-in ones. */
export async function textsFor(known: KnownModel, { material }: Pick<Workshop, 'material'>): Promise<Texts> {
  if (material)
    return {
      encodings: material.samples.flatMap(({ sequences }) => sequences),
      feeding: feedingOf(known, material.tokenizer),
    };
  const { folder } = known.path;
  const tokenizer = await loadTokenizer(folder);
  const feeding = feedingOf(known, tokenizer);
  const limit = { asked: undefined, fixed: feeding.fixed, config: await loadConfig(folder), tokenizer };
  const encodings: Encoding[] = [];
  for await (const { text, textPair } of builtinDataset().rows())
    encodings.push(tokenizer.encode(text, textPair, sequenceLimit(limit)));
  return { encodings, feeding };
}

function answerOf({ recognition: { head, encoders } }: KnownModel): Pick<Questions, 'scores' | 'width'> {
  const [encoder, another] = encoders;
  if (!encoder || another)
    throw new ModelError(
      `layers: expected one encoder whose layers can be told apart by its answers, found ${encoders.length}: name the layers`,
    );
  const scores = head.outputs.filter(({ kind, size = 0 }) => kind.endsWith('logits') && size > 1 && size <= CLASSES);
  const width = scores[0]?.size ?? encoder.hidden;
  if (width === undefined) throw new ModelError('layers: expected hidden states of a known width, found none');
  return { scores: scores.filter(({ size }) => size === width).map(({ name }) => name), width };
}

function batchesOf(texts: readonly Encoding[], { fixed, padId, padSide }: Feeding): PaddedBatch[] {
  const some = texts.slice(0, TEXTS).toSorted((a, b) => b.ids.length - a.ids.length);
  const size = fixed.batch ?? BATCH;
  const batches: PaddedBatch[] = [];
  for (let at = 0; at + (fixed.batch ?? 1) <= some.length; at += size)
    batches.push(padSequences(some.slice(at, at + size), { padId, padSide, fixedSequence: fixed.sequence }));
  return batches;
}

/** Throws ModelError where the model does not run. */
async function answersOf(
  model: Model,
  { batches, feeding, scores }: Questions,
  scratch: Scratch,
  options: Workshop['options'],
): Promise<Answers> {
  const names = scores.length > 0 ? scores : [endOf(model)];
  const asked = cloneModel(model);
  asked.graph.outputs = names.map((name) => ({ name }));
  return scratch.with(asked, 'the changed model', options, async (session) => {
    const found: Float32Array[][] = [];
    for (const batch of batches) {
      options.signal?.throwIfAborted();
      const outputs = await session.run(makeFeeds(session.inputs, feeding.roles, batch));
      found.push(names.map((name) => toFloat32(name, outputs[name]!)));
    }
    return found;
  });
}

/** What comes out of the last layer. */
function endOf(model: Model): string {
  const [encoder] = recognise(model).encoders;
  const cut = encoder ? boundariesOf(model.graph, encoder) : 'no encoder';
  if (typeof cut !== 'string' && cut.out !== undefined) return cut.out;
  throw new ModelError(
    `layers: expected the output of the last layer, found ${typeof cut === 'string' ? cut : 'none of its shape'}: name the layers`,
  );
}

/** Mean over all answers, a text's or a token's each; those of padding are left out. KL divergence of scores, 1 - cosine of states. */
function distanceOf(wanted: Answers, found: Answers, { batches, scores, width }: Questions): number {
  const distance = scores.length > 0 ? divergence : cosineDistance;
  let [sum, count] = [0, 0];
  for (const [b, { mask }] of batches.entries())
    for (const [i, values] of wanted[b]!.entries()) {
      const answers = values.length / width;
      for (let v = 0; v < answers; v++) {
        if (answers === mask.length && mask[v] === 0) continue;
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
