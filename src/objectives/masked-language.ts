// Masked language modelling: a share of the tokens is hidden, and the model is to name them (Devlin et al. 2018, section 3.1).
import { DataError } from '../errors.ts';
import type { Random } from '../math/random.ts';
import { crossEntropy } from '../train/losses.ts';
import { int64Tensor, type Goal, type GoalContext, type PaddedBatch } from './goal.ts';

/** Share of tokens that are to be named. */
const CHOSEN = 0.15;
/** Of these, 80 % become the mask token, 10 % another token, 10 % stay. */
const MASKED = 0.8;
const REPLACED = 0.9;

const [POSITIONS, LABELS] = ['masked_positions', 'labels'];

/** Logits [batch, sequence, vocabulary]; only the rows of chosen tokens are compared. Which are chosen follows the seed, epoch and batch. */
export function maskedLanguageGoal(context: GoalContext): Goal<null> {
  const { path, tokenizer, maxLength, output, classes, smoothing } = context;
  const { maskId } = tokenizer;
  if (maskId === undefined)
    throw new DataError(`${path}: expected a tokenizer with a mask token for fill-mask, found one without`);
  return {
    task: 'fill-mask',
    sample: (row) => ({ sequences: [tokenizer.encode(row.text, row.textPair, maxLength)], target: null }),
    feeds(batch, _targets, random) {
      const { ids, positions, labels } = hide(
        batch,
        { maskId, specials: tokenizer.specialIds, vocabulary: classes },
        random,
      );
      return {
        tokens: { ...batch, ids },
        feeds: {
          [POSITIONS!]: int64Tensor([positions.length], positions),
          [LABELS!]: int64Tensor([labels.length], labels),
        },
      };
    },
    appendLoss(builder) {
      const rows = builder.op('Reshape', [output, builder.ints([-1, classes])]);
      const chosen = builder.op('Gather', [rows, POSITIONS!], { axis: 0n });
      return {
        loss: crossEntropy(builder, chosen, LABELS!, { classes, smoothing }),
        inputs: [POSITIONS!, LABELS!].map((name) => ({ name, dtype: 'int64', shape: ['masked'] })),
      };
    },
  };
}

interface Vocabulary {
  readonly maskId: number;
  readonly specials: ReadonlySet<number>;
  readonly vocabulary: number;
}

/** Tokens with some hidden; positions are counted over the whole batch. At least one token is hidden where there is one to hide. */
export function hide(
  batch: Pick<PaddedBatch, 'ids' | 'mask'>,
  { maskId, specials, vocabulary }: Vocabulary,
  random: Random,
): { ids: Int32Array; positions: number[]; labels: number[] } {
  const free = [...batch.ids.keys()].filter((at) => batch.mask[at] === 1 && !specials.has(batch.ids[at]!));
  const chosen = free.filter(() => random.uniform() < CHOSEN);
  const positions = chosen.length > 0 || free.length === 0 ? chosen : [free[random.below(free.length)]!];
  const ids = batch.ids.slice();
  for (const at of positions) {
    const lot = random.uniform();
    if (lot < MASKED) ids[at] = maskId;
    else if (lot < REPLACED) ids[at] = random.below(vocabulary);
  }
  // a batch without a token to hide: one row that is not counted
  if (positions.length === 0) return { ids, positions: [0], labels: [-100] };
  return { ids, positions, labels: positions.map((at) => batch.ids[at]!) };
}
