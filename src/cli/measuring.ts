// A command that ends in a Report: progress, the files of --report, the table, the exit code of the verdict.
import type { Events } from '../pipeline/events.ts';
import type { Report } from '../report/schema.ts';
import { BaseCommand, exitCodes } from './base.ts';

export interface Presentation {
  /** Files to write, the format by their ending. */
  readonly report?: readonly string[] | undefined;
  readonly quiet: boolean;
}

export abstract class MeasuringCommand extends BaseCommand {
  /** Runs the work and shows what it gave. Report paths are looked at before the work begins. */
  protected async present<R extends Report>(
    { report: paths = [], quiet }: Presentation,
    work: (signal: AbortSignal, events: Events) => Promise<R>,
  ): Promise<R> {
    const { checkReportPaths, reportFormats, saveReport } = await import('../report/save.ts');
    checkReportPaths(paths, reportFormats);
    const report = await work(this.interruptible(), await this.events(quiet));
    await saveReport<Report>(report, paths, reportFormats);
    await showToCi(report);
    if (!quiet && !this.jsonEnabled()) {
      const { renderText } = await import('../report/text.ts');
      this.log(renderText(report));
    }
    if (report.verdict === 'fail') {
      process.exitCode = exitCodes.gate;
      if (quiet) for (const line of report.failures) process.stderr.write(`bert-compress: FAIL ${line}\n`);
    }
    // what was made until then is written and shown
    if (report.training?.stopped === 'interrupted') process.exitCode = exitCodes.interrupted;
    return report;
  }
}

/** Step summary and annotations, where the environment is a CI system that shows them. */
async function showToCi(report: Report): Promise<void> {
  const { annotations, writeStepSummary } = await import('../report/ci.ts');
  writeStepSummary(report, process.env);
  for (const line of annotations(report, process.env)) process.stderr.write(`${line}\n`);
}
