// Any number of labels a text: binary cross-entropy of each logit.
import { labelListReader } from '../evaluate/label-lists.ts';
import { binaryCrossEntropy } from '../train/losses.ts';
import { countRows } from '../train/pieces.ts';
import { floatTensor, type Goal, type GoalContext } from './goal.ts';

/** Logits and labels [batch, classes]. Smoothing draws the targets 0 and 1 towards one half. */
export function multiLabelGoal(context: GoalContext): Goal<Int32Array> {
  const { path, tokenizer, maxLength, labels, output, classes, smoothing = 0, classWeights } = context;
  const name = `labels${context.suffix ?? ''}`;
  const read = labelListReader(path, labels);
  return {
    task: 'text-classification',
    sample: (row) => ({ sequences: [tokenizer.encode(row.text, row.textPair, maxLength)], target: read(row) }),
    classesOf: (target) => target,
    idle: new Int32Array(0),
    feeds(_batch, targets) {
      const values = new Float32Array(targets.length * classes).fill(smoothing / 2);
      targets.forEach((ids, row) => ids.forEach((id) => (values[row * classes + id] = 1 - smoothing / 2)));
      return { feeds: { [name]: floatTensor([targets.length, classes], values) } };
    },
    appendLoss: (builder) => ({
      loss: binaryCrossEntropy(builder, output, name, { classes, positive: classWeights }),
      inputs: [{ name, dtype: 'float32', shape: ['batch', classes] }],
      count: countRows,
    }),
  };
}
