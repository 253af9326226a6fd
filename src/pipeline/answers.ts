// How far a changed model's answers are from the original's, measured on texts.
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
import { feedingOf } from './feeding.ts';
import type { KnownModel } from './known-model.ts';
import type { Workshop } from './prune-works.ts';
import { Scratch } from './training.ts';

/** Texts that are looked at, and how many go through the model at once. */
const [TEXTS, BATCH] = [256, 32];
/** Tokens of a built-in text. */
const LONGEST = 128;
/** More classes than these (a vocabulary) are too much to keep of every token. */
const CLASSES = 1000;

/** What the distance is. */
export type Measure = 'KL divergence, nats' | '1 - cosine of the last hidden states';

/**
 * The original's answers to some texts: class scores where the model has some, else the states behind the last layer.
 * `dispose` when done.
 */
export class Answers {
  readonly measure: Measure;
  readonly #known: KnownModel;
  readonly #shop: Workshop;
  readonly #scores: readonly string[];
  readonly #feeding: ReturnType<typeof feedingOf>;
  readonly #batches: readonly PaddedBatch[];
  readonly #scratch = new Scratch();
  #wanted: Float32Array[][] | undefined;

  private constructor(
    known: KnownModel,
    shop: Workshop,
    texts: readonly Encoding[],
    tokenizer: Tokenizer,
    where: string,
  ) {
    this.#known = known;
    this.#shop = shop;
    this.#scores = scoresOf(known, where);
    this.#feeding = feedingOf(known, tokenizer);
    this.#batches = batchesOf(texts, this.#feeding);
    this.measure = this.#scores.length > 0 ? 'KL divergence, nats' : '1 - cosine of the last hidden states';
  }

  /**
   * @param where names the option in errors
   * @throws ModelError for a model of several encoders
   */
  static async of(known: KnownModel, shop: Workshop, where: string): Promise<Answers> {
    const tokenizer = shop.material?.tokenizer ?? (await loadTokenizer(known.path.folder));
    const texts =
      shop.material?.samples.flatMap(({ sequences }) => sequences) ?? (await builtinTexts(known, tokenizer));
    return new Answers(known, shop, texts, tokenizer, where);
  }

  /** Mean distance of a model's answers from the original's. Throws ModelError where it has no output to compare. */
  async distance(model: Model): Promise<number> {
    this.#wanted ??= await this.#run(this.#known.model);
    const distance = this.#scores.length > 0 ? divergence : cosineDistance;
    return meanOf(this.#wanted, await this.#run(model), this.#batches, widthOf(this.#known, this.#scores), distance);
  }

  dispose(): void {
    this.#scratch.dispose();
  }

  #run(model: Model): Promise<Float32Array[][]> {
    const { options } = this.#shop;
    const asked = cloneModel(model);
    const names = this.#scores.length > 0 ? this.#scores : [endOf(model)];
    asked.graph.outputs = names.map((name) => ({ name }));
    return this.#scratch.with(asked, 'the changed model', options, async (session) => {
      const found: Float32Array[][] = [];
      for (const batch of this.#batches) {
        options.signal?.throwIfAborted();
        const outputs = await session.run(makeFeeds(session.inputs, this.#feeding.roles, batch));
        found.push(names.map((name) => toFloat32(name, outputs[name]!)));
      }
      return found;
    });
  }
}

/** Outputs of class scores. */
function scoresOf({ recognition: { head, encoders } }: KnownModel, where: string): string[] {
  if (encoders.length !== 1)
    throw new ModelError(
      `${where}: expected one encoder whose layers can be compared, found ${encoders.length}: name the layers`,
    );
  const outputs = head.outputs.filter(({ kind, size = 0 }) => kind.endsWith('logits') && size > 1 && size <= CLASSES);
  return outputs.map(({ name }) => name);
}

function widthOf({ recognition: { head, encoders } }: KnownModel, [score]: readonly string[]): number {
  const size = score === undefined ? encoders[0]!.hidden : head.outputs.find(({ name }) => name === score)?.size;
  if (size === undefined) throw new ModelError('expected hidden states of a known width, found none');
  return size;
}

/** What comes out of the last layer. */
function endOf(model: Model): string {
  const [encoder] = recognise(model).encoders;
  const cut = encoder ? boundariesOf(model.graph, encoder) : 'no encoder';
  if (typeof cut !== 'string' && cut.out !== undefined) return cut.out;
  throw new ModelError(
    `expected the output of the last layer, found ${typeof cut === 'string' ? cut : 'none of its shape'}: name the layers`,
  );
}

/** As long as the model takes them. */
async function builtinTexts(known: KnownModel, tokenizer: Tokenizer): Promise<Encoding[]> {
  const { fixed } = feedingOf(known, tokenizer);
  const limit = sequenceLimit({ fixed, config: await loadConfig(known.path.folder), tokenizer });
  const texts: Encoding[] = [];
  for await (const row of builtinDataset().rows())
    texts.push(tokenizer.encode(row.text, row.textPair, Math.min(limit, LONGEST)));
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
