// bert-compress inspect: flags -> inspect() -> text or JSON.
import { Args, Flags } from '@oclif/core';
import { BaseCommand } from '../cli/base.ts';
import type { InspectReport } from '../inspect/inspect.ts';

export default class Inspect extends BaseCommand {
  static override summary =
    'Say what a model is: architecture, parameters by part, duplicates, and what each pass could treat.';
  static override description = `Reads structure only: a model of any size takes a fraction of a second.

Exit code: 0 done; 2 the model cannot be read.`;
  static override examples = [
    { description: 'a model folder', command: '<%= config.bin %> inspect my-model' },
    {
      description: 'multiply-adds of eight texts of 64 tokens',
      command: '<%= config.bin %> inspect model.onnx --batch 8 --sequence 64',
    },
    { description: 'for a script', command: '<%= config.bin %> inspect model.onnx --json' },
  ];
  static override args = { model: Args.string({ description: 'an .onnx file or a model folder', required: true }) };
  static override flags = {
    batch: Flags.integer({ description: 'batch of the multiply-add count', default: 1, min: 1 }),
    sequence: Flags.integer({ description: 'tokens of the multiply-add count', default: 128, min: 1 }),
    report: Flags.string({
      description: 'write what is found to FILE.json, .md or .html, repeatable',
      multiple: true,
      multipleNonGreedy: true,
    }),
  };

  async run(): Promise<InspectReport> {
    const { args, flags } = await this.parse(Inspect);
    const { inspect } = await import('../inspect/inspect.ts');
    const { batch, sequence, report: paths = [] } = flags;
    const { checkReportPaths, inspectFormats, saveReport } = await import('../report/save.ts');
    checkReportPaths(paths, inspectFormats);
    const report = await inspect(args.model, { batch, sequence, sha256: this.jsonEnabled() || paths.length > 0 });
    await saveReport(report, paths, inspectFormats);
    if (!this.jsonEnabled()) {
      const { renderInspect } = await import('../report/inspect-text.ts');
      this.log(renderInspect(report));
    }
    return report;
  }
}
