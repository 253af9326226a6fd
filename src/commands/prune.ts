// bert-compress prune: flags -> prune() -> table or JSON.
import { Flags } from '@oclif/core';
import { dataFlags, gateFlags, optionsOf, runFlags } from '../cli/flags.ts';
import { healingFlags, minMetricFlag, modelArg, placeFlags } from '../cli/making-flags.ts';
import { MeasuringCommand } from '../cli/measuring.ts';
import { sparsityFlags } from '../cli/sparsity-flags.ts';
import { layersOf, rowFlags, tidyFlags } from '../cli/training-flags.ts';
import { vocabularyFlags } from '../cli/vocabulary-flags.ts';
import { UsageError } from '../errors.ts';
import type { Shape } from '../evaluate/latency.ts';
import type { PruneOptions } from '../prune.ts';
import type { Report } from '../report/schema.ts';

const [BUDGET, CHOICE, HEALING, DATA] = ['BUDGET', 'CHOICE', 'HEALING', 'DATA'];

export default class Prune extends MeasuringCommand {
  static override summary = 'Remove attention heads, feed-forward neurons and layers, and measure what that cost.';
  static override description = `What is removed is gone from the graph: tensors get smaller, and the model faster. Writes a folder NAME-pruned beside the model's,
complete for transformers.js.

Exit code: 0 done and every gate holds; 1 a gate failed (the model is kept as NAME.rejected.onnx); 2 wrong usage, model or data; 130 interrupted.`;
  static override examples = [
    {
      description: 'half of the multiply-adds of the layers, judged on labelled rows',
      command: '<%= config.bin %> prune my-model --keep-macs 0.5 --data train.tsv --dev dev.tsv --max-drop 1pt',
    },
    {
      description: 'a third, healed for a quarter of an hour',
      command: '<%= config.bin %> prune my-model --keep-macs 0.3 --heal-minutes 15 --data train.tsv --dev dev.tsv',
    },
    {
      description: 'the curve of several shares as a page, each model in a folder of its own',
      command:
        '<%= config.bin %> prune my-model --keep-macs 0.9,0.8,0.7,0.6,0.5 --data train.tsv --dev dev.tsv --report curve.html',
    },
    {
      description: 'two layers less, those without which the answers change least',
      command: '<%= config.bin %> prune my-model --drop-layers 2 --dev dev.tsv',
    },
    {
      description: 'only tokens that a corpus needs: a multilingual model for English',
      command: '<%= config.bin %> prune my-model --vocabulary english.txt --vocabulary reviews.csv',
    },
    {
      description:
        'zeros instead: 80 % of each weight, the rest of it adjusted to the texts; smaller when compressed, not faster',
      command: '<%= config.bin %> prune my-model --sparsity 0.8 --data train.tsv --dev dev.tsv --max-drop 1pt',
    },
  ];
  static override args = { model: modelArg };
  static override flags = {
    ...placeFlags('pruned'),

    'keep-macs': Flags.string({
      description: 'share of the multiply-adds of the layers to keep; several make a model each',
      helpValue: '0.5|0.9,0.8,…',
      helpGroup: BUDGET,
    }),
    'max-size': Flags.string({ description: 'most bytes of the file, 50MB', helpGroup: BUDGET }),
    speedup: Flags.string({
      description: 'how much faster at --speedup-at, 1.6x, from a table of times measured on this machine',
      helpGroup: BUDGET,
    }),
    'speedup-at': Flags.string({
      description: 'texts x tokens that --speedup is for',
      defaultHelp: async () => '8x128',
      helpGroup: BUDGET,
    }),
    'drop-layers': Flags.string({
      description:
        'layers to drop first: 2, those without which the answers change least, or 1,4 (1, is layer 1 alone)',
      helpValue: 'N|I,J,…',
      helpGroup: BUDGET,
    }),
    'merge-layers': Flags.boolean({
      description: 'average the layers that go into the layer before',
      dependsOn: ['drop-layers'],
      helpGroup: BUDGET,
    }),
    'macs-at': Flags.integer({
      description: 'tokens of a text that multiply-adds are counted at',
      min: 1,
      defaultHelp: async () => '128',
      helpGroup: BUDGET,
    }),

    by: Flags.string({
      description: 'what decides which heads and neurons stay',
      options: ['fisher', 'fisher-diagonal', 'taylor', 'wanda', 'l1', 'magnitude', 'random'],
      defaultHelp: async () => 'fisher with --data, else magnitude',
      helpGroup: CHOICE,
    }),
    'use-labels': Flags.boolean({
      description: "the loss is that of the labels; without it that of the model's own predictions",
      helpGroup: CHOICE,
    }),
    tune: Flags.boolean({
      description: 'fit what stays to the original, where there is --data',
      allowNo: true,
      default: true,
      helpGroup: CHOICE,
    }),

    ...vocabularyFlags,
    ...sparsityFlags,

    ...healingFlags('the pruned model'),
    iterations: Flags.integer({
      description: 'prune in this many steps with healing between',
      min: 1,
      defaultHelp: async () => '1',
      helpGroup: HEALING,
    }),

    data: Flags.string({
      description:
        'texts that say what matters in the model: TSV, CSV, JSON, JSONL, Parquet, text a line; gzip of these',
      helpGroup: DATA,
    }),
    ...rowFlags,
    ...tidyFlags,
    samples: Flags.integer({
      description: 'rows of --data that the choice looks at, taken with the seed; healing learns from all',
      min: 1,
      defaultHelp: async () => '2048',
      helpGroup: DATA,
    }),

    bench: dataFlags.bench,
    'max-drop': gateFlags['max-drop'],
    'min-speedup': gateFlags['min-speedup'],
    ...minMetricFlag,
    ...runFlags,
  };

  async run(): Promise<Report> {
    const { args, flags } = await this.parse(Prune);
    const { prune } = await import('../prune.ts');
    // every flag is an option of the library under its own name, which the types of both say
    const options = {
      ...optionsOf(flags),
      keepMacs: sharesOf(flags['keep-macs']),
      dropLayers: layersOf('--drop-layers', flags['drop-layers']),
      speedupAt: shapeOf(flags['speedup-at']),
    } as PruneOptions;
    return this.present(flags, (signal, events) => prune(args.model, { ...options, signal }, events));
  }
}

function shapeOf(text: string | undefined): Shape | undefined {
  if (text === undefined) return undefined;
  const [batch, sequence] = /^(\d+)x(\d+)$/.exec(text)?.slice(1).map(Number) ?? [];
  if (!batch || !sequence) throw new UsageError(`--speedup-at: expected texts x tokens such as 8x128, found '${text}'`);
  return { batch, sequence };
}

function sharesOf(text: string | undefined): number[] | undefined {
  const shares = text?.split(',').map(Number);
  if (shares?.some(Number.isNaN))
    throw new UsageError(`--keep-macs: expected shares such as 0.5 or 0.9,0.8,0.7, found '${text}'`);
  return shares;
}
