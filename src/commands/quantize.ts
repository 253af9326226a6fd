// bert-compress quantize: flags -> quantize() -> table or JSON.
import { Args, Flags } from '@oclif/core';
import { BaseCommand, exitCodes, runFlags } from '../cli/base.ts';
import type { CompressionReport } from '../report/schema.ts';

export default class Quantize extends BaseCommand {
  static override summary =
    'Make a model smaller and faster with int8, uint8 or float16 weights, and measure what it cost.';
  static override description = `Writes the quantized model beside the input under the name transformers.js looks for (model_quantized.onnx, model_uint8.onnx,
model_fp16.onnx), runs both models on your data, and prints size, accuracy and latency before and after.

Exit code: 0 done and every gate holds; 1 a gate failed (the model is kept as NAME.rejected.onnx); 2 wrong usage, model or data; 130 interrupted.`;
  static override examples = [
    {
      description: 'int8, judged on labelled rows; fails when more than half a point of accuracy is lost',
      command: '<%= config.bin %> quantize my-model --data dev.tsv --max-drop 0.5pt',
    },
    {
      description: 'float16 as a complete folder for transformers.js',
      command: '<%= config.bin %> quantize my-model --to fp16 -o my-model-fp16',
    },
    { description: 'without data: parity on built-in texts', command: '<%= config.bin %> quantize model.onnx' },
    {
      description: 'in CI: one JSON object on stdout, gates on size and speed as well',
      command:
        '<%= config.bin %> quantize my-model --data dev.csv --text review --label stars --max-drop 1% --max-size 30MB --min-speedup 1.2x --json',
    },
  ];
  static override args = {
    model: Args.string({
      description: 'an .onnx file, or a folder with config.json, tokenizer.json and onnx/model.onnx',
      required: true,
    }),
  };
  static override flags = {
    to: Flags.string({ description: 'precision of the weights', options: ['int8', 'uint8', 'fp16'], default: 'int8' }),
    output: Flags.string({
      char: 'o',
      description: 'FILE.onnx, or a FOLDER that gets config and tokenizer as well; default beside the input',
    }),
    force: Flags.boolean({ char: 'f', description: 'replace an existing output' }),
    keep: Flags.boolean({ description: 'keep the output under its name even where a gate fails' }),
    granularity: Flags.string({
      description: 'one scale a column of a weight, or one a weight',
      options: ['per-channel', 'per-tensor'],
      defaultHelp: async () => 'per-channel',
      helpGroup: 'INT8 AND UINT8',
    }),
    symmetric: Flags.boolean({
      description: 'zero point in the middle; default for int8, not for uint8',
      allowNo: true,
      helpGroup: 'INT8 AND UINT8',
    }),
    'reduce-range': Flags.string({
      description: '7-bit weights for CPUs whose 8-bit products saturate; auto: as this CPU needs',
      options: ['auto', 'on', 'off'],
      defaultHelp: async () => 'auto',
      helpGroup: 'INT8 AND UINT8',
    }),
    embeddings: Flags.string({
      description: 'embedding tables as 8-bit rows with a scale a row, or float',
      options: ['int8', 'fp32'],
      defaultHelp: async () => 'int8',
      helpGroup: 'INT8 AND UINT8',
    }),
    'keep-io-types': Flags.boolean({
      description: 'keep float32 inputs and outputs; default yes',
      allowNo: true,
      helpGroup: 'FP16',
    }),
    exclude: Flags.string({
      description: 'leave these nodes or weights as they are; a name with *, repeatable',
      multiple: true,
      multipleNonGreedy: true,
    }),
    'strip-metadata': Flags.boolean({ description: "drop exporters' stack traces and doc strings" }),
    'external-data': Flags.boolean({
      description: 'weights in FILE.onnx_data; default as the input, and above 2 GB',
      allowNo: true,
    }),
    data: Flags.string({ description: 'labelled rows: TSV, CSV or JSONL', helpGroup: 'MEASURING' }),
    text: Flags.string({ description: 'column of the text; default guessed from the header', helpGroup: 'MEASURING' }),
    'text-pair': Flags.string({ description: 'column of the second text', helpGroup: 'MEASURING' }),
    label: Flags.string({ description: 'column of the label or score', helpGroup: 'MEASURING' }),
    task: Flags.string({
      description: 'what the model is for; default guessed from config and outputs',
      options: ['text-classification', 'sentence-similarity', 'feature-extraction'],
      helpGroup: 'MEASURING',
    }),
    'max-length': Flags.integer({ description: 'most tokens of a text', min: 2, helpGroup: 'MEASURING' }),
    batch: Flags.integer({
      description: 'rows at once',
      min: 1,
      defaultHelp: async () => '32',
      helpGroup: 'MEASURING',
    }),
    validate: Flags.boolean({
      description: 'run both models; --no-validate only loads the output',
      allowNo: true,
      default: true,
      helpGroup: 'MEASURING',
    }),
    bench: Flags.boolean({
      description: 'measure latency; --no-bench skips it',
      allowNo: true,
      default: true,
      helpGroup: 'MEASURING',
    }),
    'max-drop': Flags.string({
      description: 'gate: most that the metric may lose, 1% of it or 0.5pt',
      helpGroup: 'GATES',
    }),
    'min-speedup': Flags.string({ description: 'gate: least speedup at every shape, 1.2x', helpGroup: 'GATES' }),
    'max-size': Flags.string({ description: 'gate: most bytes, 30MB', helpGroup: 'GATES' }),
    report: Flags.string({
      description: 'write the report to FILE.json, .md, .xml (JUnit) or .html, repeatable',
      multiple: true,
      multipleNonGreedy: true,
    }),
    ...runFlags,
  };

  async run(): Promise<CompressionReport> {
    const { args, flags } = await this.parse(Quantize);
    const { quantize } = await import('../quantize.ts');
    const { checkReportPaths, saveReport } = await import('../report/save.ts');
    checkReportPaths(flags.report ?? []);
    const report = await quantize(
      args.model,
      { ...optionsOf(flags), signal: this.interruptible() },
      await this.events(flags.quiet),
    );
    await saveReport(report, flags.report ?? []);
    if (!flags.quiet && !this.jsonEnabled()) {
      const { renderText } = await import('../report/text.ts');
      this.log(renderText(report));
    }
    if (report.verdict === 'fail') process.exitCode = exitCodes.gate;
    return report;
  }
}

type QuantizeOptions = import('../quantize.ts').QuantizeOptions;

/** Flags by the library's names: kebab-case to camelCase. */
function optionsOf(flags: Record<string, unknown>): QuantizeOptions {
  const { report: _report, quiet: _quiet, json: _json, ...rest } = flags;
  return Object.fromEntries(
    Object.entries(rest).map(([name, value]) => [
      name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  );
}
