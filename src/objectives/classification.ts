// One class a text: cross-entropy of the logits.
import { labelReader } from '../evaluate/labels.ts';
import { crossEntropy } from '../train/losses.ts';
import { countLabelled } from '../train/pieces.ts';
import { int64Tensor, type Goal, type GoalContext } from './goal.ts';

const LABELS = 'labels';

/** Logits [batch, classes], labels [batch]. */
export function classificationGoal(context: GoalContext): Goal<number> {
  const { path, tokenizer, maxLength, labels, output, classes, smoothing, classWeights: weights } = context;
  const read = labelReader(path, labels);
  return {
    task: 'text-classification',
    sample: (row) => ({ sequences: [tokenizer.encode(row.text, row.textPair, maxLength)], target: read(row) }),
    classesOf: (target) => [target],
    feeds: (_batch, targets) => ({ feeds: { [LABELS]: int64Tensor([targets.length], targets) } }),
    appendLoss: (builder) => ({
      loss: crossEntropy(builder, output, LABELS, { classes, smoothing, weights }),
      inputs: [{ name: LABELS, dtype: 'int64', shape: ['batch'] }],
      count: countLabelled(LABELS, weights),
    }),
  };
}
