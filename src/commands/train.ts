// bert-compress train: flags -> train() -> table or JSON.
import { Flags } from '@oclif/core';
import { optionsOf, runFlags } from '../cli/flags.ts';
import { minMetricFlag, modelArg, placeFlags } from '../cli/making-flags.ts';
import { MeasuringCommand } from '../cli/measuring.ts';
import { taskFlags, tasksOf } from '../cli/task-flags.ts';
import { checkpointFlags, decimal, learningFlags, rowFlags, tidyFlags } from '../cli/training-flags.ts';
import type { TrainModelOptions } from '../fit.ts';
import type { CompressionReport } from '../report/schema.ts';

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
      description: 'two tasks on one encoder, each with a head of its own; the kind of the second is named',
      command:
        '<%= config.bin %> train my-encoder --task sentiment=sst2.tsv --task topics:multi-label-classification=topics.jsonl --dev sentiment=sst2-dev.tsv',
    },
    {
      description: 'go on where a killed run left its checkpoint',
      command: '<%= config.bin %> train my-encoder --data train.tsv --resume',
    },
  ];
  static override args = { model: modelArg };
  static override flags = {
    ...placeFlags('trained', 'an existing output, and checkpoints of an earlier run'),
    ...checkpointFlags,

    data: Flags.string({
      description: 'rows to train on: TSV, CSV, JSON, JSONL, Parquet, CoNLL; gzip of these',
      helpGroup: DATA,
    }),
    ...rowFlags,
    ...taskFlags,
    ...tidyFlags,

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

    ...learningFlags({ batch: 32, rate: '5e-5', warmup: '0.06' }),
    'label-smoothing': decimal({ description: 'share of the target spread over all labels', helpGroup: LEARNING }),
    'class-weights': Flags.string({
      description: 'rare classes count as much as frequent ones',
      options: ['balanced'],
      helpGroup: LEARNING,
    }),

    ...minMetricFlag,
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
    const { taskWeight: _weight, ...given } = optionsOf(flags);
    const options = { ...given, ...tasksOf(flags) } as TrainModelOptions;
    return this.present(flags, (signal, events) => train(args.model, { ...options, signal }, events));
  }
}
