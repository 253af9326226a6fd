// bert-compress share: flags -> share() -> table or JSON.
import { Flags } from '@oclif/core';
import { dataFlags, gateFlags, optionsOf, runFlags } from '../cli/flags.ts';
import { healingFlags, minMetricFlag, modelArg, placeFlags } from '../cli/making-flags.ts';
import { MeasuringCommand } from '../cli/measuring.ts';
import { decimal, rowFlags, tidyFlags } from '../cli/training-flags.ts';
import type { ShareOptions } from '../share.ts';
import type { Report } from '../report/schema.ts';

const [WHAT, DATA] = ['WHAT TO SHARE', 'DATA'];

export default class Share extends MeasuringCommand {
  static override summary = 'Store one set of weights where there were many, and measure what that cost.';
  static override description = `The file gets smaller. Layers that share weights are computed one after the other as before; a basis that all share changes the speed a little. Writes a folder NAME-shared
beside the model's, complete for transformers.js.

Exit code: 0 done and every gate holds; 1 a gate failed (the model is kept as NAME.rejected.onnx); 2 wrong usage, model or data; 130 interrupted.`;
  static override examples = [
    {
      description: 'tensors of the same content once; outputs stay the same bit by bit',
      command: '<%= config.bin %> share my-model --exact',
    },
    {
      description:
        'pairs of layers share their attention, half an hour of healing; fails when more than a point is lost',
      command:
        '<%= config.bin %> share my-model --groups neighbours:3 --parts attention --heal-minutes 30 --data train.tsv --dev dev.tsv --max-drop 1pt',
    },
    {
      description: 'all layers share the bases of their weights, which have 0.6 of the parameters then',
      command:
        '<%= config.bin %> share my-model --keep-parameters 0.6 --heal-minutes 30 --data train.tsv --dev dev.tsv',
    },
    {
      description: 'the token table as the product of two smaller ones',
      command: '<%= config.bin %> share my-model --factorise embeddings:128 --heal-minutes 10 --data texts.txt',
    },
    {
      description: 'weights as 8-bit codes of a codebook each: a quarter of the file, the same speed',
      command: '<%= config.bin %> share my-model --codebook 256 --data dev.tsv',
    },
  ];
  static override args = { model: modelArg };
  static override flags = {
    ...placeFlags('shared'),

    exact: Flags.boolean({ description: 'only tensors of the same content, also transposed', helpGroup: WHAT }),
    groups: Flags.string({
      description:
        'layers that share their weights: ranges, lists with +, this many groups of neighbours, or auto: pairs that move the answers least',
      helpValue: '0-1,2+4|neighbours:3|auto',
      helpGroup: WHAT,
    }),
    'keep-parameters': decimal({
      description: "share of the layers' parameters that stays: what is shared is chosen for it",
      defaultHelp: async () => '0.6 with --groups auto or a basis',
      helpGroup: WHAT,
    }),
    parts: Flags.string({
      description: 'what of the layers is shared; norms and biases stay their own',
      options: ['attention', 'ffn', 'all'],
      defaultHelp: async () => 'all',
      helpGroup: WHAT,
    }),
    form: Flags.string({
      description:
        "what a group has in common: its weights, or a basis that each layer's own weights are products with",
      options: ['weights', 'basis'],
      defaultHelp: async () => 'weights with --groups, else basis',
      helpGroup: WHAT,
    }),
    start: Flags.string({
      description: "shared weights before healing: the members' mean, heads and neurons aligned, or one member's",
      options: ['mean', 'first', 'last'],
      defaultHelp: async () => 'mean',
      helpGroup: WHAT,
    }),
    'residual-rank': Flags.integer({
      description:
        'rank of what each layer keeps of its own beside shared weights: nearer the original, a little larger',
      min: 1,
      helpGroup: WHAT,
    }),
    factorise: Flags.string({
      description:
        'low rank: embeddings:RANK of the token table, dense:SHARE of the parameters of each weight, or N% of the squares for either; repeatable',
      helpValue: 'embeddings:128|dense:0.5',
      multiple: true,
      multipleNonGreedy: true,
      helpGroup: WHAT,
    }),
    codebook: Flags.string({
      description: 'weights as codes of a k-means codebook of this many numbers',
      options: ['256', '16'],
      helpGroup: WHAT,
    }),

    ...healingFlags('the shared model'),

    data: Flags.string({
      description:
        'texts to heal with, and that say which tokens matter: TSV, CSV, JSON, JSONL, Parquet, text a line; gzip of these',
      helpGroup: DATA,
    }),
    ...rowFlags,
    ...tidyFlags,

    bench: dataFlags.bench,
    'max-drop': gateFlags['max-drop'],
    'min-speedup': gateFlags['min-speedup'],
    'max-size': gateFlags['max-size'],
    ...minMetricFlag,
    ...runFlags,
  };

  async run(): Promise<Report> {
    const { args, flags } = await this.parse(Share);
    const { share } = await import('../share.ts');
    // every flag is an option of the library under its own name, which the types of both say
    const codebook = flags.codebook === undefined ? undefined : Number(flags.codebook);
    const options = { ...optionsOf(flags), codebook } as ShareOptions;
    return this.present(flags, (signal, events) => share(args.model, { ...options, signal }, events));
  }
}
