// Flags that every command which trains has: how long, how fast, on which rows, and where it goes on.
import { Flags } from '@oclif/core';
import { UsageError } from '../errors.ts';

/** A number that need not be whole. */
export const decimal = Flags.custom<number>({
  parse: async (input, _context, { name }) => {
    const value = Number(input);
    if (input.trim() === '' || !Number.isFinite(value) || value < 0)
      throw new UsageError(`--${name}: expected a number from 0, found '${input}'`);
    return value;
  },
});

const [DATA, LEARNING] = ['DATA', 'LEARNING'];

/** Checkpoints. */
export const checkpointFlags = {
  resume: Flags.boolean({ description: 'go on from the last checkpoint' }),
  'checkpoint-every': Flags.integer({
    description: 'steps between checkpoints',
    min: 1,
    defaultHelp: async () => '200',
  }),
};

/** Rows to judge by, and the columns of both files. */
export const rowFlags = {
  dev: Flags.string({ description: 'rows to judge by; default a share of --data', helpGroup: DATA }),
  split: decimal({
    description: 'share of --data that is kept apart to judge by, each class alike; 0 for none',
    defaultHelp: async () => '0.1',
    exclusive: ['dev'],
    helpGroup: DATA,
  }),
  text: Flags.string({ description: 'column of the text; default guessed from the header', helpGroup: DATA }),
  'text-pair': Flags.string({ description: 'column of the second text', helpGroup: DATA }),
  label: Flags.string({ description: 'column of the label, tags or score', helpGroup: DATA }),
};

/** Which rows are used, and how they are tidied. */
export const tidyFlags = {
  samples: Flags.integer({
    description: 'use this many rows of --data, chosen with the seed',
    min: 1,
    helpGroup: DATA,
  }),
  'max-length': Flags.integer({ description: 'most tokens of a text', min: 2, helpGroup: DATA }),
  clean: Flags.boolean({ description: 'strip control characters, collapse white space', helpGroup: DATA }),
  'html-entities': Flags.boolean({
    description: '&amp; and the like become characters; cleans too',
    helpGroup: DATA,
  }),
  deduplicate: Flags.boolean({
    description: 'each text once; none of the texts to judge by among those to train on',
    helpGroup: DATA,
  }),
};

/** What a verb does where nothing is said. */
export interface LearningDefaults {
  readonly batch: number;
  readonly rate: string;
  readonly warmup: string;
}

/** How it learns. */
export function learningFlags({ batch, rate, warmup }: LearningDefaults) {
  return {
    epochs: decimal({
      description: 'how often every row is seen',
      defaultHelp: async () => '3',
      exclusive: ['steps', 'minutes'],
      helpGroup: LEARNING,
    }),
    steps: Flags.integer({
      description: 'how many steps instead',
      min: 1,
      exclusive: ['minutes'],
      helpGroup: LEARNING,
    }),
    minutes: decimal({ description: 'how long instead', helpGroup: LEARNING }),
    accumulate: Flags.integer({ description: 'batches whose gradients make one step', min: 1, helpGroup: LEARNING }),
    decay: Flags.string({
      description: 'how the rate falls then',
      options: ['linear', 'cosine', 'constant'],
      defaultHelp: async () => 'linear',
      helpGroup: LEARNING,
    }),
    'weight-decay': decimal({
      description: 'of matrices; biases and norms have none',
      defaultHelp: async () => '0.01',
      helpGroup: LEARNING,
    }),
    clip: decimal({
      description: 'greatest global norm of the gradient, 0 for none',
      defaultHelp: async () => '1',
      helpGroup: LEARNING,
    }),
    'clip-value': decimal({ description: 'greatest magnitude of one number of the gradient', helpGroup: LEARNING }),
    l1: decimal({ description: 'L1 penalty on weights that decay', helpGroup: LEARNING }),
    l2: decimal({ description: 'L2 penalty on weights that decay', helpGroup: LEARNING }),
    dropout: decimal({ description: 'share of values dropped while training', helpGroup: LEARNING }),
    precision: Flags.string({
      description:
        'what a step computes in; fp16 is for providers that do (weights stay float32), on CPU it brings nothing',
      options: ['fp32', 'fp16'],
      defaultHelp: async () => 'fp32',
      helpGroup: LEARNING,
    }),
    workers: Flags.integer({
      description: 'processes that share a step and the threads; measured to be faster only on a busy machine',
      min: 1,
      defaultHelp: async () => '1',
      helpGroup: LEARNING,
    }),
    'piece-tokens': Flags.integer({
      description: 'tokens of a batch that are run at once; fewer take less memory',
      min: 1,
      defaultHelp: async () => '1024',
      helpGroup: LEARNING,
    }),
    batch: Flags.integer({
      description: 'rows a step',
      min: 1,
      defaultHelp: async () => String(batch),
      helpGroup: LEARNING,
    }),
    rate: decimal({ description: 'highest learning rate', defaultHelp: async () => rate, helpGroup: LEARNING }),
    warmup: decimal({
      description: 'until the rate is highest: a share of the steps below 1, else steps',
      defaultHelp: async () => warmup,
      helpGroup: LEARNING,
    }),
    'evaluate-every': decimal({
      description: 'epochs up to 1, else steps, between evaluations on the rows to judge by',
      defaultHelp: async () => '1; with --minutes an eighth of the run',
      helpGroup: LEARNING,
    }),
    patience: Flags.integer({
      description: 'end after this many evaluations without a better one',
      min: 1,
      helpGroup: LEARNING,
    }),
  };
}

/** `3` is a count, `0,2,5` and `4,` are lists. */
export function layersOf(flag: string, text: string | undefined): number | number[] | undefined {
  if (text === undefined) return undefined;
  const parts = text.split(',').filter((part) => part.trim() !== '');
  const numbers = parts.map(Number);
  if (parts.length === 0 || !numbers.every((number) => Number.isInteger(number) && number >= 0))
    throw new UsageError(`${flag}: expected a number such as 3 or layers such as 0,2,5, found '${text}'`);
  return text.includes(',') ? numbers : numbers[0]!;
}
