// bert-compress train: flags -> train() -> table or JSON.
import { Args, Flags } from '@oclif/core';
import { exitCodes } from '../cli/base.ts';
import { optionsOf, runFlags } from '../cli/flags.ts';
import { MeasuringCommand } from '../cli/measuring.ts';
import { UsageError } from '../errors.ts';
import type { TrainModelOptions } from '../fit.ts';
import type { CompressionReport } from '../report/schema.ts';

/** A number that need not be whole. */
const decimal = Flags.custom<number>({
  parse: async (input, _context, { name }) => {
    const value = Number(input);
    if (input.trim() === '' || !Number.isFinite(value) || value < 0)
      throw new UsageError(`--${name}: expected a number from 0, found '${input}'`);
    return value;
  },
});

const [DATA, LEARNING, HEAD, GATES] = ['DATA', 'LEARNING', 'HEAD', 'GATES'];

export default class Train extends MeasuringCommand {
  static override summary = 'Fine-tune a model on your labelled rows, and measure what it learned.';
  static override description = `Trains the model's own head where it fits the labels of the data, else a fresh one, and writes a folder NAME-trained beside the
model's, complete for transformers.js. Ctrl-C ends the training and keeps the best model so far; a killed run goes on with --resume.

Exit code: 0 done and every gate holds; 1 a gate failed (the model is kept as NAME.rejected.onnx); 2 wrong usage, model or data; 130 interrupted.`;
  static override examples = [
    {
      description: 'three epochs; a tenth of the rows is kept apart to judge by',
      command: '<%= config.bin %> train my-encoder --data train.tsv',
    },
    {
      description: 'for ten minutes, judged on rows of its own; fails below 88 %',
      command:
        '<%= config.bin %> train my-encoder --data train.tsv --dev dev.tsv --minutes 10 --rate 1e-4 --min-metric 88%',
    },
    {
      description: 'rare classes count as much as frequent ones, duplicates are left out',
      command: '<%= config.bin %> train my-encoder --data tickets.csv --class-weights balanced --clean --deduplicate',
    },
    {
      description: 'go on where a killed run left its checkpoint',
      command: '<%= config.bin %> train my-encoder --data train.tsv --resume',
    },
  ];
  static override args = {
    model: Args.string({
      description: 'an .onnx file, or a folder with config.json, tokenizer.json and onnx/model.onnx',
      required: true,
    }),
  };
  static override flags = {
    output: Flags.string({
      char: 'o',
      description:
        'a FOLDER that gets model, config and tokenizer, or FILE.onnx; default NAME-trained beside the folder',
    }),
    force: Flags.boolean({ char: 'f', description: 'replace an existing output, and checkpoints of an earlier run' }),
    keep: Flags.boolean({ description: 'keep the output under its name even where a gate fails' }),
    resume: Flags.boolean({ description: 'go on from the last checkpoint' }),
    'checkpoint-every': Flags.integer({
      description: 'steps between checkpoints',
      min: 1,
      defaultHelp: async () => '200',
    }),

    data: Flags.string({
      description: 'rows to train on: TSV, CSV, JSON, JSONL, Parquet, CoNLL; gzip of these',
      required: true,
      helpGroup: DATA,
    }),
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
    task: Flags.string({
      description: 'what to train for; default guessed from the data and the model',
      options: [
        'text-classification',
        'multi-label-classification',
        'token-classification',
        'regression',
        'sentence-similarity',
        'fill-mask',
      ],
      helpGroup: DATA,
    }),
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

    head: Flags.string({
      description: "the model's own head, or a fresh one; default the own where it fits the labels",
      options: ['keep', 'fresh'],
      helpGroup: HEAD,
    }),
    labels: Flags.string({
      description: "names of a fresh head's labels in the order of their ids; default those of the data",
      delimiter: ',',
      multiple: true,
      helpValue: 'A,B,…',
      helpGroup: HEAD,
    }),
    pooling: Flags.string({
      description: 'from tokens to a text; default as the model folder says, else its pooler, else the mean',
      options: ['pooler', 'mean', 'cls'],
      helpGroup: HEAD,
    }),
    freeze: Flags.string({
      description: 'leave these weights as they are; a name or path such as layer.0.* with *, repeatable',
      multiple: true,
      multipleNonGreedy: true,
      helpGroup: HEAD,
    }),
    'train-embeddings': Flags.boolean({ description: 'train the embedding tables too', helpGroup: HEAD }),

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
    batch: Flags.integer({ description: 'rows a step', min: 1, defaultHelp: async () => '32', helpGroup: LEARNING }),
    accumulate: Flags.integer({ description: 'batches whose gradients make one step', min: 1, helpGroup: LEARNING }),
    rate: decimal({ description: 'highest learning rate', defaultHelp: async () => '5e-5', helpGroup: LEARNING }),
    warmup: decimal({
      description: 'until the rate is highest: a share of the steps below 1, else steps',
      defaultHelp: async () => '0.06',
      helpGroup: LEARNING,
    }),
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
    'label-smoothing': decimal({ description: 'share of the target spread over all labels', helpGroup: LEARNING }),
    'class-weights': Flags.string({
      description: 'rare classes count as much as frequent ones',
      options: ['balanced'],
      helpGroup: LEARNING,
    }),
    'evaluate-every': decimal({
      description: 'epochs up to 1, else steps, between evaluations on the rows to judge by',
      defaultHelp: async () => '1',
      helpGroup: LEARNING,
    }),
    patience: Flags.integer({
      description: 'end after this many evaluations without a better one',
      min: 1,
      helpGroup: LEARNING,
    }),

    'min-metric': Flags.string({
      description: 'gate: least metric on the rows to judge by, 88% or 0.88',
      helpGroup: GATES,
    }),
    'max-drop': Flags.string({
      description: 'gate: most that the metric may lose against the model before, 1% of it or 0.5pt',
      helpGroup: GATES,
    }),
    ...runFlags,
  };

  async run(): Promise<CompressionReport> {
    const { args, flags } = await this.parse(Train);
    const { train } = await import('../fit.ts');
    // every flag is an option of the library under its own name, which the types of both say
    const options = { ...optionsOf(flags), data: flags.data } as TrainModelOptions;
    const report = await this.present(flags, (signal, events) => train(args.model, { ...options, signal }, events));
    if (report.training?.stopped === 'interrupted') process.exitCode = exitCodes.interrupted;
    return report;
  }
}
