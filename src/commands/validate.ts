// bert-compress validate: flags -> validate() -> table or JSON.
import { Args } from '@oclif/core';
import { baselineFlags, dataFlags, gateFlags, optionsOf, runFlags } from '../cli/flags.ts';
import { MeasuringCommand } from '../cli/measuring.ts';
import type { Report } from '../report/schema.ts';

export default class Validate extends MeasuringCommand {
  static override summary =
    'Hold models against the original on your own data, and fail when one has lost more than you allow.';
  static override description = `Runs every model on the same rows with its own tokenizer and labels, and tells for each candidate the drop of the metric with
its 95 % interval, agreement, size, latency, and which are on the Pareto front.

Exit code: 0 done and every gate holds for every candidate; 1 a gate failed; 2 wrong usage, model or data, or a gate that could not be checked; 130 interrupted.`;
  static override examples = [
    {
      description: 'fail when more than half a point of the metric is lost',
      command: '<%= config.bin %> validate my-model my-model/onnx/model_quantized.onnx --data dev.tsv --max-drop 0.5pt',
    },
    {
      description: 'several candidates, the examples that got worst, and an HTML report',
      command:
        '<%= config.bin %> validate my-model int8.onnx fp16.onnx small-model --data dev.jsonl --show-changed 20 --report report.html',
    },
    {
      description: 'named entities, the columns of a CoNLL file',
      command: '<%= config.bin %> validate ner ner-int8 --data test.conll --max-drop 1%',
    },
    {
      description: 'in CI, held against the last accepted model as well',
      command:
        '<%= config.bin %> validate my-model candidate --data dev.parquet --max-drop 1% --baseline bert-compress.baseline.json --report junit.xml',
    },
  ];
  static override args = {
    original: Args.string({ description: 'the model before: an .onnx file or a model folder', required: true }),
    candidate: Args.string({ description: 'models after', required: true, multiple: true }),
  };
  static override flags = {
    ...dataFlags,
    ...gateFlags,
    ...baselineFlags,
    ...runFlags,
  };

  async run(): Promise<Report> {
    const { args, flags } = await this.parse(Validate);
    const { validate } = await import('../validate.ts');
    return this.present(flags, (signal, events) =>
      validate(args.original, args.candidate, { ...optionsOf(flags), signal }, events),
    );
  }
}
