// One class a text: cross-entropy of the logits.
import { labelReader } from '../evaluate/labels.ts';
import { crossEntropy } from '../train/losses.ts';
import { countLabelled } from '../train/pieces.ts';
import { int64Tensor, type Goal, type GoalContext } from './goal.ts';

/** Logits [batch, classes], labels [batch]. */
export function classificationGoal(context: GoalContext): Goal<number> {
  const { path, tokenizer, maxLength, labels, output, classes, smoothing, classWeights: weights } = context;
  const name = `labels${context.suffix ?? ''}`;
  const read = labelReader(path, labels);
  return {
    task: 'text-classification',
    sample: (row) => ({ sequences: [tokenizer.encode(row.text, row.textPair, maxLength)], target: read(row) }),
    classesOf: (target) => [target],
    unlabelled: -100,
    idle: -100,
    feeds: (_batch, targets) => ({ feeds: { [name]: int64Tensor([targets.length], targets) } }),
    appendLoss: (builder) => ({
      loss: crossEntropy(builder, output, name, { classes, smoothing, weights }),
      inputs: [{ name, dtype: 'int64', shape: ['batch'] }],
      count: countLabelled(name, weights),
    }),
  };
}
