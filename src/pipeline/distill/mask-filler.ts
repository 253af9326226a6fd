// A masked language model as a source of words: the likeliest ones in the place of a word.
import { wholeWords, type WholeWords } from '../../data/tokenizer/whole-words.ts';
import { loadTokenizer, type Encoding, type Tokenizer } from '../../data/tokenizer/tokenizer.ts';
import { loadConfig } from '../../data/config.ts';
import { ModelError } from '../../errors.ts';
import { sequenceLimit } from '../../evaluate/evaluate.ts';
import { makeFeeds } from '../../evaluate/feeds.ts';
import { batchesFor } from '../../evaluate/window.ts';
import { Builder } from '../../ir/builder.ts';
import { cloneModel } from '../../ir/clone.ts';
import type { Dense, Output } from '../../bert/types.ts';
import type { Graph, Model } from '../../ir/graph.ts';
import { indexUses } from '../../ir/uses.ts';
import { sweep } from '../../ir/sweep.ts';
import type { Filler } from '../../objectives/augment.ts';
import { int64Tensor } from '../../objectives/goal.ts';
import type { Feeding } from '../../objectives/batch-source.ts';
import { openSession, type Session } from '../../runtime/session.ts';
import { feedingOf } from '../learn/feeding.ts';
import { outputFor } from '../fit/head.ts';
import type { KnownModel } from '../known-model.ts';
import { sessionOptions, type RunOptions, type Scratch } from '../learn/training.ts';

/** An open model. */
export interface MaskFiller extends Filler {
  /** What decides its words: model, tokenizer, length. */
  readonly identity: readonly unknown[];
  close(): Promise<void>;
}

/** Bytes of a batch's scores [batch, sequence, vocabulary], at most, unless a single sequence has more. */
const mostOutputBytes = 256 * 2 ** 20;
const BATCH = 64;
const POSITIONS = 'blank_positions';

/** Whether a model can fill masks. */
export function fillsMasks({ recognition }: KnownModel): boolean {
  return outputFor('fill-mask', recognition) !== undefined;
}

/**
 * Opens a model that fills masks.
 * @param hash of what was written
 * @throws ModelError for a model without scores for words, or without a mask token
 */
export async function openFiller(
  known: KnownModel,
  { most, maxLength }: { readonly most: number; readonly maxLength: number | undefined },
  options: RunOptions,
  scratch: Scratch,
  hash: (path: string) => Promise<string>,
): Promise<MaskFiller> {
  const { onnxPath, folder } = known.path;
  const output = outputFor('fill-mask', known.recognition);
  if (output?.size === undefined)
    throw new ModelError(
      `${onnxPath}: expected an output with a score for each word of the vocabulary, found ${known.outputs.map(({ name }) => name).join(', ')}`,
    );
  const tokenizer = await loadTokenizer(folder);
  const mask = tokenizer.maskId === undefined ? undefined : tokenizer.tokenOf(tokenizer.maskId);
  if (mask === undefined)
    throw new ModelError(`${folder}: expected a tokenizer with a mask token to fill, found one without`);
  if (tokenizer.vocabularySize > output.size)
    throw new ModelError(
      `${onnxPath}: expected a score for each of the tokenizer's ${tokenizer.vocabularySize} tokens, found ${output.size}`,
    );
  const words = wholeWords(tokenizer, output.size);
  const feeding = feedingOf(known, tokenizer);
  const config = await loadConfig(folder);
  const limit = sequenceLimit({ asked: maxLength, fixed: feeding.fixed, config, tokenizer });
  const { model, scores } = atPositions(known.model, output, output.size);
  const path = scratch.write(model);
  const identity = [await hash(path), tokenizer.fingerprint, limit];
  const session = await openSession(path, sessionOptions(`the model that fills masks`, options));
  const work = { session, feeding, tokenizer, words, scores, width: output.size, most, signal: options.signal };
  return {
    identity,
    close: () => session.release(),
    async likely(blanks) {
      const encodings = blanks.map(({ texts, side, place: { begin, end } }) => {
        const [text, pair] = texts.with(side, `${texts[side]!.slice(0, begin)}${mask}${texts[side]!.slice(end)}`);
        return tokenizer.encode(text!, pair, limit);
      });
      return fillAll(encodings, work);
    },
  };
}

/**
 * The model with the scores of chosen places [places, vocabulary] as its output; places are counted over the whole batch. Where the decoder is
 * a plain product, only the chosen places go through it: with 30,000 words it costs as much as six layers of 384.
 */
function atPositions(
  given: Model,
  { name: output, dense }: Output,
  vocabulary: number,
): { model: Model; scores: string } {
  const model = cloneModel(given);
  const { graph } = model;
  const builder = new Builder(graph, model.opsets.get('') ?? model.opsets.get('ai.onnx') ?? 1, 'blank');
  const chosen = (value: string, width: number): string => {
    const rows = builder.op('Reshape', [value, builder.ints([-1, width])]);
    return builder.op('Gather', [rows, POSITIONS], { axis: 0n });
  };
  const decoder = dense && graph.nodes.findIndex((node) => node.outputs[0] === dense.node.outputs[0]);
  let last = output;
  if (dense && decoder !== undefined && worksOnRows(graph, dense, output)) {
    const node = graph.nodes[decoder]!;
    const input = chosen(node.inputs[0]!, dense.inFeatures);
    graph.nodes.splice(decoder, 1, ...builder.nodes.splice(0), { ...node, inputs: [input, ...node.inputs.slice(1)] });
  } else last = chosen(output, vocabulary);
  const scores = builder.op('Cast', [last], { to: 1n });
  graph.nodes.push(...builder.nodes);
  graph.inputs = [...graph.inputs, { name: POSITIONS, dtype: 'int64', shape: ['places'] }];
  graph.outputs = [{ name: scores, dtype: 'float32', shape: ['places', vocabulary] }];
  sweep(graph);
  return { model, scores };
}

/** A MatMul with nothing behind it than what does not look at the number of dimensions. */
function worksOnRows(graph: Graph, { node }: Dense, output: string): boolean {
  if (node.op !== 'MatMul' || node.domain !== '') return false;
  const { consumers, outputs } = indexUses(graph);
  for (let at = node.outputs[0]!; at !== output;) {
    const [reader, another] = consumers.get(at) ?? [];
    if (!reader || another || outputs.has(at) || !/^(Add|Identity|Cast)$/.test(reader.node.op)) return false;
    at = reader.node.outputs[0]!;
  }
  return true;
}

interface Work {
  readonly session: Session;
  readonly feeding: Feeding;
  readonly tokenizer: Tokenizer;
  readonly words: WholeWords;
  readonly scores: string;
  readonly width: number;
  readonly most: number;
  readonly signal: AbortSignal | undefined;
}

async function fillAll(encodings: readonly Encoding[], work: Work): Promise<readonly (readonly string[])[]> {
  const { session, feeding, tokenizer, words, scores, width, most, signal } = work;
  const filled: string[][] = encodings.map(() => []);
  // a text that has mask tokens of its own is left alone, and one whose mask was cut off
  const masked = encodings.flatMap(({ ids }, i) => {
    const first = ids.indexOf(tokenizer.maskId!);
    return first >= 0 && ids.indexOf(tokenizer.maskId!, first + 1) < 0 ? [{ i, first }] : [];
  });
  const sequences = masked.map(({ i }) => encodings[i]!);
  const maxTokens = Math.max(1, Math.floor(mostOutputBytes / (4 * width)));
  const plan = { ...feeding, masked: feeding.roles.mask !== undefined, batch: BATCH, maxTokens };
  for (const batch of batchesFor(sequences, plan)) {
    signal?.throwIfAborted();
    const at = Array.from(batch.rows, (row, r) => {
      const start = feeding.padSide === 'left' ? batch.sequence - sequences[row]!.ids.length : 0;
      return r * batch.sequence + start + masked[row]!.first;
    });
    const inputs = session.inputs.filter(({ name }) => name !== POSITIONS);
    const feeds = { ...makeFeeds(inputs, feeding.roles, batch), [POSITIONS]: int64Tensor([at.length], at) };
    const { data } = (await session.run(feeds))[scores]!;
    batch.rows.forEach((row, r) => {
      const values = (data as Float32Array).subarray(r * width, (r + 1) * width);
      filled[masked[row]!.i] = likeliest(values, words, most);
    });
  }
  return filled;
}

/** The words with the highest scores; of equal ones the first. */
export function likeliest(scores: Float32Array, { ids, words }: WholeWords, most: number): string[] {
  const best: number[] = [];
  for (let i = 0; i < ids.length; i++) {
    const score = scores[ids[i]!]!;
    if (Number.isNaN(score) || (best.length === most && !(score > scores[ids[best.at(-1)!]!]!))) continue;
    let at = best.length;
    while (at > 0 && scores[ids[best[at - 1]!]!]! < score) at--;
    best.splice(at, 0, i);
    if (best.length > most) best.pop();
  }
  return best.map((i) => words[i]!);
}
