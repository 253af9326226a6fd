// Passes one after the other, with what the report says of each.
import type * as z from 'zod';
import { ModelError } from '../errors.ts';
import type { Model } from '../ir/graph.ts';
import { checkGraph } from '../ir/verify.ts';
import type { Pass } from '../passes/pass.ts';
import { shareExact } from '../passes/share/exact.ts';
import type { ReportStep } from '../report/schema.ts';
import type { Events } from './events.ts';

/** A pass with its options, as the report will name them. */
export interface Step<Schema extends z.ZodType = z.ZodType> {
  readonly pass: Pass<Schema>;
  readonly options: z.output<Schema>;
  /** Where it finds nothing to do, it is left out of the report; without this that is an error. */
  readonly optional?: boolean | undefined;
}

/** Weights of the same content are stored once in everything that is written. Smaller constants are not worth other nodes. */
export const sharing: Step = { pass: shareExact, options: { least: 256 }, optional: true };

export interface Done {
  readonly model: Model;
  readonly steps: ReportStep[];
}

/** Run passes one after the other. Throws ModelError where one that is not optional finds nothing to do. */
export function runSteps(input: Model, steps: readonly Step[], events: Events, signal?: AbortSignal): Done {
  let model = input;
  const reports: ReportStep[] = [];
  for (const { pass, options, optional } of steps) {
    const started = performance.now();
    const result = pass.run(model, options, {
      log: events.log,
      progress: events.bar(pass.name),
      ...(signal ? { signal } : {}),
    });
    checkGraph(result.model.graph, `after ${pass.name}`);
    if (!result.changed && optional) continue;
    if (!result.changed)
      throw new ModelError(`${pass.name}: expected something to compress, found nothing${reasons(result.skipped)}`);
    model = result.model;
    const { changed, stats, skipped } = result;
    reports.push({
      pass: pass.name,
      options: asked(options as Record<string, unknown>),
      changed,
      stats,
      skipped: [...skipped],
      seconds: (performance.now() - started) / 1000,
    });
  }
  return { model, steps: reports };
}

/** What was asked for; measurements that a pass is given are left out of reports. */
function asked(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => !ArrayBuffer.isView(value) && !(value instanceof Map))); // prettier-ignore
}

function reasons(skipped: readonly { reason: string }[]): string {
  const counts = new Map<string, number>();
  for (const { reason } of skipped) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return counts.size === 0 ? '' : `: ${[...counts].map(([reason, count]) => `${count} x ${reason}`).join('; ')}`;
}
