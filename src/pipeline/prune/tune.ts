// The work that follows the cut: output projections fitted to the original on rows.
import type { ReportStep } from '../../report/schema.ts';
import { probesOf } from '../../passes/prune/probe.ts';
import { sitesOf } from '../../passes/prune/sites.ts';
import { blocksOf } from '../../passes/structure/blocks.ts';
import { sortedBatches } from '../../objectives/sorted-batches.ts';
import { chosenSamples } from './removals.ts';
import { refitOutputs } from './refit.ts';
import { withModel, type Work } from './works.ts';
import { Scratch } from '../learn/training.ts';

export interface TuneOptions {
  /** Rows to fit on, chosen with the seed; default 1,024. */
  readonly samples?: number | undefined;
}

const SAMPLES = 1024;
/** As shares of the mean diagonal: the next is tried while it helps on held-out rows. */
const RIDGES = [0.01, 0.1, 1];

/** Fits what stays to the original. Without rows, and where layers share weights, nothing is done, with the reason as a note. */
export function tune({ samples = SAMPLES }: TuneOptions = {}): Work {
  return async (before, { original, material, options, events }) => {
    const started = performance.now();
    const blocks = blocksOf(original.model, original.recognition);
    const [encoder, another] = original.recognition.encoders;
    const shared = blocks.some(({ tied }, i) => tied !== i);
    const why = !material
      ? 'no rows to fit on (--data)'
      : !encoder || another || shared
        ? 'layers share weights, or there are several encoders'
        : undefined;
    if (why !== undefined || !material || !encoder)
      return { ...before, notes: [...before.notes, `output projections are as they were: ${why}`] };
    const rows = chosenSamples(material, samples, options.seed);
    const batches = await sortedBatches(rows, undefined, material.feeding, options.seed);
    const outputs = probesOf(original.recognition, false).map(({ output }) => output);
    const scratch = new Scratch();
    try {
      const { model, left, notes } = await refitOutputs(
        {
          original: original.model,
          encoder,
          pruned: before.known.model,
          sites: sitesOf(original.model, blocks),
          outputs,
        },
        batches,
        (made, name, use) => scratch.with(made, name, options, use),
        { ridges: RIDGES, progress: events.bar('fitting what stays'), signal: options.signal },
      );
      const mean = left.length === 0 ? 1 : left.reduce((sum, one) => sum + one.left, 0) / left.length;
      const step: ReportStep = {
        pass: 'tune',
        options: { rows: rows.length },
        changed: left.some((one) => one.left < 1),
        stats: { projections: left.length, 'squared error left, mean': Math.round(1000 * mean) / 1000 },
        skipped: [],
        seconds: (performance.now() - started) / 1000,
      };
      return withModel(before, model, step, notes);
    } finally {
      scratch.dispose();
    }
  };
}
