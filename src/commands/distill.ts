// bert-compress distill: flags -> distill() -> table or JSON.
import { existsSync } from 'node:fs';
import { Flags } from '@oclif/core';
import { dataFlags, gateFlags, optionsOf, runFlags } from '../cli/flags.ts';
import { minMetricFlag, modelArg, placeFlags } from '../cli/making-flags.ts';
import { MeasuringCommand } from '../cli/measuring.ts';
import { checkpointFlags, decimal, layersOf, learningFlags, rowFlags, tidyFlags } from '../cli/training-flags.ts';
import type { DistillModelOptions } from '../distill.ts';
import { UsageError } from '../errors.ts';
import type { TeacherChoice } from '../pipeline/distill/teachers.ts';
import type { LayerMapChoice } from '../passes/student/layer-map.ts';
import type { CompressionReport } from '../report/schema.ts';

const [DATA, AUGMENT, TEACHERS, STUDENT, LOSS] = ['DATA', 'AUGMENTATION', 'TEACHERS', 'STUDENT', 'LOSS'];

export default class Distill extends MeasuringCommand {
  static override summary = 'Teach a smaller model what a teacher knows, and measure what that cost.';
  static override description = `The student is cut out of the teacher's graph, so that it keeps head, names and form: --layers, --heads, --ffn. Or it is another model:
--student. It learns from the teacher's answers to your texts, and from labels where there are some. Writes a folder NAME-distilled beside the
teacher's, complete for transformers.js. Ctrl-C ends the training and keeps the best student so far; a killed run goes on with --resume.

Exit code: 0 done and every gate holds; 1 a gate failed (the model is kept as NAME.rejected.onnx); 2 wrong usage, model or data; 130 interrupted.`;
  static override examples = [
    {
      description:
        'half of a classifier of six layers, twenty minutes; fails when more than a point of accuracy is lost',
      command:
        '<%= config.bin %> distill my-model --layers 3 --data train.tsv --dev dev.tsv --minutes 20 --max-drop 1pt',
    },
    {
      description: 'an encoder from text alone, judged on pairs with scores',
      command: '<%= config.bin %> distill my-encoder --layers 0,2,5 --data texts.txt --dev sts-dev.tsv --epochs 2',
    },
    {
      description: 'one student of two classifiers with the same labels, whatever their tokenizers',
      command:
        '<%= config.bin %> distill my-model --teacher larger-model=2 --layers 3 --data texts.txt --dev dev.tsv --epochs 3',
    },
    {
      description: 'more texts than there are: five variants of each, words replaced by likely ones',
      command:
        '<%= config.bin %> distill my-model --layers 3 --data train.tsv --augment 5 --augment-with my-masked-model --epochs 2',
    },
    {
      description: 'fewer heads and neurons, with the attention scores of TinyBERT',
      command:
        '<%= config.bin %> distill my-model --layers 3 --ffn 768 --hidden 1 --attention-scores 1 --data train.tsv',
    },
  ];
  static override args = { teacher: modelArg };
  static override flags = {
    ...placeFlags('distilled', 'an existing output, and checkpoints of an earlier run'),
    ...checkpointFlags,

    data: Flags.string({
      description:
        'texts to learn from, with or without labels: TSV, CSV, JSON, JSONL, Parquet, text a line; gzip of these',
      required: true,
      helpGroup: DATA,
    }),
    ...rowFlags,
    task: Flags.string({
      description: 'what the labels are; default guessed from the data and the teacher',
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
    ...tidyFlags,

    augment: Flags.integer({
      description:
        'learn from N variants of each text as well, words replaced by what a masked language model finds likely (TinyBERT)',
      helpValue: 'N',
      min: 1,
      helpGroup: AUGMENT,
    }),
    'augment-with': Flags.string({
      description: 'the model that fills the masks; default the teacher where it can',
      helpValue: 'MODEL',
      dependsOn: ['augment'],
      helpGroup: AUGMENT,
    }),
    'augment-share': decimal({
      description: 'how likely a word is replaced',
      defaultHelp: async () => '0.4',
      dependsOn: ['augment'],
      helpGroup: AUGMENT,
    }),
    'augment-top': Flags.integer({
      description: 'a word is replaced by one of this many likely ones',
      defaultHelp: async () => '15',
      min: 1,
      dependsOn: ['augment'],
      helpGroup: AUGMENT,
    }),
    'augment-labels': Flags.boolean({
      description: 'variants keep the labels of their texts; otherwise only what the teacher says of them is learned',
      dependsOn: ['augment'],
      helpGroup: AUGMENT,
    }),

    teacher: Flags.string({
      description:
        'another teacher to learn from as well, with its weight (default 1), repeatable; its class scores or text vectors are mixed with those of TEACHER',
      helpValue: 'MODEL[=WEIGHT]',
      multiple: true,
      multipleNonGreedy: true,
      helpGroup: TEACHERS,
    }),
    'teacher-weight': decimal({
      description: 'weight of TEACHER beside the others',
      defaultHelp: async () => '1',
      dependsOn: ['teacher'],
      helpGroup: TEACHERS,
    }),

    layers: Flags.string({
      description: 'layers to keep: 3, evenly spaced, or 0,2,5 (0, is layer 0 alone)',
      helpValue: 'N|I,J,…',
      helpGroup: STUDENT,
    }),
    heads: Flags.integer({ description: 'attention heads to keep in each layer', min: 1, helpGroup: STUDENT }),
    ffn: Flags.integer({ description: 'feed-forward neurons to keep in each layer', min: 1, helpGroup: STUDENT }),
    student: Flags.string({
      description: 'another model of the same tokenizer instead',
      helpValue: 'MODEL',
      exclusive: ['layers', 'heads', 'ffn'],
      helpGroup: STUDENT,
    }),
    'layer-map': Flags.string({
      description: "the teacher's layer for each of the student's: even, last, or 0:1,1:3; default the layers kept",
      helpGroup: STUDENT,
    }),
    freeze: Flags.string({
      description: 'leave these weights as they are; a name or path such as layer.0.* with *, repeatable',
      multiple: true,
      multipleNonGreedy: true,
      helpGroup: STUDENT,
    }),
    'train-embeddings': Flags.boolean({ description: 'train the embedding tables too', helpGroup: STUDENT }),

    soft: decimal({
      description: "weight of the teacher's class scores",
      defaultHelp: async () => '1 where it has some',
      helpGroup: LOSS,
    }),
    temperature: decimal({
      description: 'both sides are divided by it before they are compared',
      defaultHelp: async () => '2',
      helpGroup: LOSS,
    }),
    hard: decimal({
      description: 'weight of the labels',
      defaultHelp: async () => '0.5 where there are some',
      helpGroup: LOSS,
    }),
    hidden: decimal({
      description: 'weight of the hidden states of matched layers',
      defaultHelp: async () => '1',
      helpGroup: LOSS,
    }),
    'attention-scores': decimal({
      description: 'weight of the attention scores of matched layers (TinyBERT)',
      defaultHelp: async () => '0',
      helpGroup: LOSS,
    }),
    relations: decimal({
      description: 'weight of attention and value relations of the last layers (MiniLM)',
      defaultHelp: async () => '0',
      helpGroup: LOSS,
    }),
    embedding: decimal({
      description: 'weight of the text vectors',
      defaultHelp: async () => '1 for a teacher without class scores',
      helpGroup: LOSS,
    }),
    'embedding-form': Flags.string({
      description: 'how text vectors are compared',
      options: ['cosine', 'mse'],
      defaultHelp: async () => 'cosine',
      helpGroup: LOSS,
    }),
    pooling: Flags.string({
      description:
        "from tokens to a text's vector; default the teacher's output of vectors, else its folder's, else mean",
      options: ['mean', 'cls', 'given'],
      helpGroup: LOSS,
    }),
    ...learningFlags({ batch: 64, rate: '2e-4', warmup: '100' }),
    cache: Flags.string({
      description: "most disk that the teacher's outputs may take, 0 for none; the oldest go first",
      defaultHelp: async () => '4GB',
      helpGroup: 'LEARNING',
    }),
    'cache-folder': Flags.string({ description: 'where they are kept', helpGroup: 'LEARNING' }),

    bench: dataFlags.bench,
    ...gateFlags,
    ...minMetricFlag,
    ...runFlags,
  };

  async run(): Promise<CompressionReport> {
    const { args, flags } = await this.parse(Distill);
    const { distill } = await import('../distill.ts');
    // every flag is an option of the library under its own name, which the types of both say
    const { teacher: others, ...rest } = flags;
    const options = {
      ...optionsOf(rest),
      data: flags.data,
      teachers: others?.map(teacherOf),
      layers: layersOf('--layers', flags.layers),
      layerMap: layerMapOf(flags['layer-map']),
    } as DistillModelOptions;
    return this.present(flags, (signal, events) => distill(args.teacher, { ...options, signal }, events));
  }
}

/** `MODEL=0.5`; a model of that very name is meant as it stands. */
function teacherOf(text: string): TeacherChoice {
  const [, model, weight] = /^(.+)=([^=/\\]*)$/.exec(text) ?? [];
  if (model === undefined || existsSync(text)) return { model: text };
  if (!(Number(weight) > 0))
    throw new UsageError(`--teacher: expected MODEL or MODEL=WEIGHT with a weight above 0, found '${text}'`);
  return { model, weight: Number(weight) };
}

function layerMapOf(text: string | undefined): LayerMapChoice | undefined {
  if (text === undefined || text === 'even' || text === 'last') return text;
  return text.split(',').map((pair) => {
    const [student, teacher] = /^\s*(\d+):(\d+)\s*$/.exec(pair)?.slice(1).map(Number) ?? [];
    if (student === undefined || teacher === undefined)
      throw new UsageError(`--layer-map: expected even, last or pairs such as 0:1,1:3, found '${text}'`);
    return [student, teacher] as const;
  });
}
