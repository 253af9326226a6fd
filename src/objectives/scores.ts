// A number a text, and the similarity of two texts: mean squared error.
import type { Row } from '../data/dataset.ts';
import { DataError } from '../errors.ts';
import type { HostTensor } from '../ir/host-tensor.ts';
import { cosineSimilarity, meanSquaredError } from '../train/losses.ts';
import { countRows } from '../train/pieces.ts';
import { floatTensor, int64Tensor, type Goal, type GoalContext, type GoalFeeds } from './goal.ts';

const SCORES = 'scores';
/** Rows of the first and second texts. */
const FIRST = 'first_texts';
const SECOND = 'second_texts';

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
export function regressionGoal(context: GoalContext): Goal<number> {
  const { path, tokenizer, maxLength, output, suffix = '' } = context;
  const name = `${SCORES}${suffix}`;
  const read = scoreReader(path);
  return {
    task: 'text-classification',
    sample: (row) => ({ sequences: [tokenizer.encode(row.text, row.textPair, maxLength)], target: read(row) }),
    idle: 0,
    feeds: (_batch, targets) => scoresOf(name, [targets.length, 1], targets),
    appendLoss: (builder) => ({
      loss: meanSquaredError(builder, output, name),
      inputs: [{ name, dtype: 'float32', shape: ['batch', 1] }],
      count: countRows,
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
    feeds(_batch, targets) {
      const pairs = targets.length;
      const rows = (side: number): HostTensor =>
        int64Tensor(
          [pairs],
          Int32Array.from({ length: pairs }, (_, i) => 2 * i + side),
        );
      return { feeds: { ...scoresOf(SCORES, [pairs], targets).feeds, [FIRST]: rows(0), [SECOND]: rows(1) } };
    },
    appendLoss(builder) {
      const vectors = pool(builder);
      // by numbers: half a batch is no size that shapes can be told from
      const [a, b] = [FIRST, SECOND].map((rows) => builder.op('Gather', [vectors, rows], { axis: 0n }));
      return {
        loss: meanSquaredError(builder, cosineSimilarity(builder, a!, b!), SCORES),
        inputs: [
          { name: SCORES, dtype: 'float32', shape: ['pairs'] },
          { name: FIRST, dtype: 'int64', shape: ['pairs'] },
          { name: SECOND, dtype: 'int64', shape: ['pairs'] },
        ],
      };
    },
  };
}

function scoresOf(name: string, dims: readonly number[], targets: readonly number[]): GoalFeeds {
  return { feeds: { [name]: floatTensor(dims, Float32Array.from(targets)) } };
}
