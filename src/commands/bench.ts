// bert-compress bench: flags -> bench() -> table or JSON.
import { Args, Flags } from '@oclif/core';
import { gateFlags, optionsOf, runFlags } from '../cli/flags.ts';
import { MeasuringCommand } from '../cli/measuring.ts';
import type { Report } from '../report/schema.ts';

export default class Bench extends MeasuringCommand {
  static override summary =
    'Measure latency, throughput and memory of models against the original, and fail when one is too slow.';
  static override description = `Runs all models in turn on random tokens at every pair of --batch and --sequence, and tells for each the median time with its
95 % interval, texts a second, and the speedup paired by round, which a machine that is busy with other things does not bend;
then each model's peak memory in a process of its own. No data and no tokenizer are needed.

Exit code: 0 done and every gate holds for every candidate; 1 a gate failed; 2 wrong usage or model, or a gate that could not be checked; 130 interrupted.`;
  static override examples = [
    {
      description: 'a model and its int8 file at the default shapes',
      command: '<%= config.bin %> bench my-model my-model/onnx/model_quantized.onnx',
    },
    {
      description: 'several candidates at the shapes of a service, on one thread; fails below 1.2x at any of them',
      command:
        '<%= config.bin %> bench my-model int8.onnx fp16.onnx pruned --shapes 1x32,16x64 --threads 1 --min-speedup 1.2x',
    },
    {
      description: 'where the time goes, before and after',
      command: '<%= config.bin %> bench my-model int8.onnx --batch 1 --sequence 128 --profile',
    },
    {
      description: 'in CI: one JSON object on stdout, a page with plots for people',
      command: '<%= config.bin %> bench my-model int8.onnx --seconds 1 --json --report bench.html',
    },
  ];
  static override args = {
    original: Args.string({ description: 'the model before: an .onnx file or a model folder', required: true }),
    candidate: Args.string({ description: 'models after', required: true, multiple: true }),
  };
  static override flags = {
    batch: Flags.integer({
      description: 'texts at once, a list',
      multiple: true,
      multipleNonGreedy: true,
      delimiter: ',',
      min: 1,
      defaultHelp: async () => '1,8',
      helpGroup: 'SHAPES',
    }),
    sequence: Flags.integer({
      description: 'tokens of a text, a list; every one is measured with every batch',
      multiple: true,
      multipleNonGreedy: true,
      delimiter: ',',
      min: 1,
      defaultHelp: async () => '16,128,384',
      helpGroup: 'SHAPES',
    }),
    shapes: Flags.string({
      description: 'pairs of batch and tokens instead, 1x16,8x128',
      multiple: true,
      multipleNonGreedy: true,
      delimiter: ',',
      exclusive: ['batch', 'sequence'],
      helpGroup: 'SHAPES',
    }),
    seconds: Flags.string({
      description: 'time a shape, all models together; at least ten rounds are run however long they take',
      defaultHelp: async () => '3',
      helpGroup: 'MEASURING',
    }),
    memory: Flags.boolean({
      description: 'peak memory of each model in a process of its own; --no-memory skips it',
      allowNo: true,
      default: true,
      helpGroup: 'MEASURING',
    }),
    profile: Flags.boolean({ description: 'time by operator at the largest shape', helpGroup: 'MEASURING' }),
    'min-speedup': gateFlags['min-speedup'],
    'max-size': gateFlags['max-size'],
    ...runFlags,
  };

  async run(): Promise<Report> {
    const { args, flags } = await this.parse(Bench);
    const { bench } = await import('../bench.ts');
    const seconds = flags.seconds === undefined ? {} : { seconds: Number(flags.seconds) };
    return this.present(flags, (signal, events) =>
      bench(args.original, args.candidate, { ...optionsOf(flags), ...seconds, signal }, events),
    );
  }
}
