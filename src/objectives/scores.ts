// A number a text, and the similarity of two texts: mean squared error.
import type { Row } from '../data/dataset.ts';
import { DataError } from '../errors.ts';
import type { Builder } from '../ir/builder.ts';
import { int64s } from '../ir/tensor.ts';
import { cosineSimilarity, meanSquaredError } from '../train/losses.ts';
import { floatTensor, type Goal, type GoalContext, type GoalFeeds } from './goal.ts';

const SCORES = 'scores';

/** The number that a row has for its label. @throws DataError with its line where there is none */
export function scoreReader(path: string): (row: Row) => number {
  return ({ label = '', line }) => {
    const score = Number(label);
    if (label === '' || !Number.isFinite(score))
      throw new DataError(`${path} line ${line}: expected a number as score, found '${label}'`);
    return score;
  };
}

/** The model's one logit [batch, 1] against the score as it is. */
export function regressionGoal({ path, tokenizer, maxLength, output }: GoalContext): Goal<number> {
  const read = scoreReader(path);
  return {
    task: 'text-classification',
    sample: (row) => ({ sequences: [tokenizer.encode(row.text, row.textPair, maxLength)], target: read(row) }),
    feeds: (_batch, targets) => scoresOf([targets.length, 1], targets),
    appendLoss: (builder) => ({
      loss: meanSquaredError(builder, output, SCORES),
      inputs: [{ name: SCORES, dtype: 'float32', shape: ['batch', 1] }],
    }),
  };
}

/** The cosine of the two texts' embeddings against the score divided by `scale` (Reimers and Gurevych 2019, section 3). */
export function similarityGoal(context: GoalContext): Goal<number> {
  const { path, tokenizer, maxLength, output, pool = () => output, scale = 1 } = context;
  const read = scoreReader(path);
  return {
    task: 'sentence-similarity',
    sample: (row) => ({
      sequences: [row.text, row.textPair ?? ''].map((text) => tokenizer.encode(text, undefined, maxLength)),
      target: read(row) / scale,
    }),
    feeds: (_batch, targets) => scoresOf([targets.length], targets),
    appendLoss: (builder) => ({
      loss: meanSquaredError(builder, pairCosine(builder, pool(builder)), SCORES),
      inputs: [{ name: SCORES, dtype: 'float32', shape: ['pairs'] }],
    }),
  };
}

/** Cosine [pairs] of rows 2i and 2i + 1 of [2 pairs, width]. */
function pairCosine(builder: Builder, vectors: string): string {
  // [pairs, 2, width]: the width is known to the graph alone
  const width = builder.op('Slice', [builder.op('Shape', [vectors]), builder.ints([1]), builder.ints([2])]);
  const shape = builder.op('Concat', [builder.ints([-1, 2]), width], { axis: 0n });
  const pairs = builder.op('Reshape', [vectors, shape]);
  const side = (i: number): string =>
    builder.op('Gather', [pairs, builder.tensor(int64s([], [i]), 'side')], { axis: 1n });
  return cosineSimilarity(builder, side(0), side(1));
}

function scoresOf(dims: readonly number[], targets: readonly number[]): GoalFeeds {
  return { feeds: { [SCORES]: floatTensor(dims, Float32Array.from(targets)) } };
}
