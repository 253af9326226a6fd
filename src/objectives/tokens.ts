// A label a word: cross-entropy at the first token of each word; other tokens are not counted.
import { tagSet } from '../evaluate/tags.ts';
import { DataError } from '../errors.ts';
import { crossEntropy } from '../train/losses.ts';
import { countLabelled } from '../train/pieces.ts';
import { int64Tensor, type Goal, type GoalContext } from './goal.ts';

/** A text of which no token is counted. */
const none = { positions: new Int32Array(), ids: new Int32Array() };
/** Of tokens that are not counted. */
const IGNORED = -100;

/** Label ids by token. */
interface Tagged {
  readonly positions: Int32Array;
  readonly ids: Int32Array;
}

/** Logits [batch, sequence, classes], labels [batch, sequence]. */
export function tokenGoal(context: GoalContext): Goal<Tagged> {
  const { path, tokenizer, maxLength, labels, output, classes, smoothing, classWeights: weights } = context;
  const name = `labels${context.suffix ?? ''}`;
  const tags = tagSet(path, labels);
  return {
    task: 'token-classification',
    sample(row) {
      const { words, tags: names } = row;
      if (!words || names?.length !== words.length)
        throw new DataError(`${path} line ${row.line}: expected words with a tag each, found none`);
      const { encoding, starts } = tokenizer.encodeWords(words, maxLength);
      const known = names.map((tag) => tags.read(row, tag).id);
      const at = [...starts.keys()].filter((word) => starts[word]! >= 0 && known[word]! >= 0);
      return {
        sequences: [encoding],
        target: {
          positions: Int32Array.from(at, (word) => starts[word]!),
          ids: Int32Array.from(at, (word) => known[word]!),
        },
      };
    },
    classesOf: ({ ids }) => ids,
    unlabelled: none,
    idle: none,
    feeds({ size, sequence, starts }, targets) {
      const values = new Int32Array(size * sequence).fill(IGNORED);
      targets.forEach(({ positions, ids }, row) =>
        positions.forEach((at, i) => (values[row * sequence + starts[row]! + at] = ids[i]!)),
      );
      return { feeds: { [name]: int64Tensor([size, sequence], values) } };
    },
    appendLoss: (builder) => ({
      loss: crossEntropy(builder, output, name, { classes, smoothing, weights }),
      inputs: [{ name, dtype: 'int64', shape: ['batch', 'sequence'] }],
      count: countLabelled(name, weights),
    }),
  };
}
