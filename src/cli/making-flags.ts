// Flags of every command that makes another model out of rows.
import { Args, Flags } from '@oclif/core';
import { decimal } from './training-flags.ts';

/** MODEL, or what the command calls it. */
export const modelArg = Args.string({
  description: 'an .onnx file, or a folder with config.json, tokenizer.json and onnx/model.onnx',
  required: true,
});

/** Where the model goes. @param suffix of the default folder, NAME-SUFFIX */
export function placeFlags(suffix: string, replaces = 'an existing output') {
  return {
    output: Flags.string({
      char: 'o',
      description: `a FOLDER that gets model, config and tokenizer, or FILE.onnx; default NAME-${suffix} beside the folder`,
    }),
    force: Flags.boolean({ char: 'f', description: `replace ${replaces}` }),
    keep: Flags.boolean({ description: 'keep the output under its name even where a gate fails' }),
  };
}

export const minMetricFlag = {
  'min-metric': Flags.string({
    description: 'gate: least metric on the rows to judge by, 88% or 0.88',
    helpGroup: 'GATES',
  }),
};

const HEALING = 'HEALING';

/** @param what learns: the pruned model */
export function healingFlags(what: string) {
  return {
    'heal-minutes': decimal({
      description: `how long ${what} learns from the original`,
      exclusive: ['heal-epochs'],
      helpGroup: HEALING,
    }),
    'heal-epochs': decimal({ description: 'how often it sees every row of --data instead', helpGroup: HEALING }),
    'heal-rate': decimal({
      description: 'highest learning rate',
      defaultHelp: async () => '1e-4',
      helpGroup: HEALING,
    }),
    batch: Flags.integer({
      description: 'rows a step',
      min: 1,
      defaultHelp: async () => '64',
      helpGroup: HEALING,
    }),
  };
}
