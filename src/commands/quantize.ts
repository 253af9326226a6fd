// bert-compress quantize: flags -> quantize() -> table or JSON.
import { Args, Flags } from '@oclif/core';
import { baselineFlags, dataFlags, gateFlags, optionsOf, runFlags } from '../cli/flags.ts';
import { MeasuringCommand } from '../cli/measuring.ts';
import type { CompressionReport } from '../report/schema.ts';

export default class Quantize extends MeasuringCommand {
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
    validate: Flags.boolean({
      description: 'run both models; --no-validate only loads the output',
      allowNo: true,
      default: true,
      helpGroup: 'MEASURING',
    }),
    ...dataFlags,
    ...gateFlags,
    ...baselineFlags,
    ...runFlags,
  };

  async run(): Promise<CompressionReport> {
    const { args, flags } = await this.parse(Quantize);
    const { quantize } = await import('../quantize.ts');
    return this.present(flags, (signal, events) => quantize(args.model, { ...optionsOf(flags), signal }, events));
  }
}
