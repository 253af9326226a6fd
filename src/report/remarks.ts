// What a report says in sentences: about one model, and about the run.
import { bytes, counted, counter, metricName, metricValue, percent, signedPoints, whole } from './figures.ts';
import { accuraciesOf, type Accuracy, type Candidate, type Report } from './schema.ts';
import { oneLine } from './strings.ts';
import { healingRemarks } from './structure.ts';

/** Bad rows that are named; the rest is counted. */
const NAMED = 3;

/** About one model: healing, folds, how sure the verdict is, saturation. */
export function candidateRemarks(candidate: Candidate): string[] {
  const accuracies = accuraciesOf(candidate).flatMap(({ task, accuracy }) =>
    accuracyRemarks(accuracy).map((line) => (task === undefined ? line : `${task}: ${line}`)),
  );
  return [...healingRemarks(candidate), ...accuracies];
}

function accuracyRemarks(accuracy: Accuracy): string[] {
  const { metric, folds, samplesNeeded, allowed, samples, saturated } = accuracy;
  const remarks: string[] = [];
  if (samplesNeeded !== undefined)
    remarks.push(
      `${whole(samplesNeeded)} rows would be needed to see the allowed drop${allowed === undefined ? '' : ` of ${signedPoints(allowed).replace('+', '')} points`}; there are ${whole(samples)}`,
    );
  if (folds) {
    const of = ({ mean, sd }: typeof folds.before): string => `${metricValue(metric, mean)} ± ${percent(sd)}`;
    remarks.push(
      `${counted(folds.count, 'fold')}: ${metricName(metric)} ${of(folds.before)} before, ${of(folds.after)} after, drop ${signedPoints(folds.drop.mean)} ± ${percent(folds.drop.sd).replace(' %', '')} points (mean ± standard deviation)`,
    );
  }
  if (saturated)
    remarks.push(
      `on a CPU without VNNI, where 8-bit products saturate: ${metricName(metric)} ${metricValue(metric, saturated.after)} instead of ${metricValue(metric, saturated.exact)}, drop ${signedPoints(saturated.drop)} points (emulated on ${counted(saturated.samples, 'row')})`,
    );
  return remarks;
}

/** The data file: format, columns, rows, and the rows that could not be used. */
export function dataRemarks({ data }: Report): string[] {
  if (!data) return [];
  const columns = Object.entries(data.columns).map(([role, name]) => `${role} '${oneLine(name)}'`);
  const of = data.total === undefined || data.total === data.rows ? '' : ` of ${whole(data.total)}`;
  const lines = [
    `data: ${oneLine(data.path)}, ${oneLine(data.format)}, ${whole(data.rows)}${of} rows${columns.length > 0 ? `, ${columns.join(', ')}` : ''}`,
  ];
  const count = data.badRows ?? data.bad.length;
  if (count > 0) {
    const named = data.bad.slice(0, NAMED).map(({ line, reason }) => `line ${line}: ${oneLine(reason)}`);
    const rest = count - named.length;
    const more = rest > 0 && named.length > 0 ? `; and ${whole(rest)} more` : '';
    lines.push(`${counted(count, 'row')} could not be used${named.length > 0 ? `: ${named.join('; ')}` : ''}${more}`);
  }
  return lines;
}

/** How the training went. */
export function trainingRemarks({ training }: Report): string[] {
  if (!training) return [];
  const { steps, epochs, seconds, rows, params, metric = 'metric', best, curve, tasks = [] } = training;
  const last = curve.slice(-Math.ceil(curve.length / 20));
  const loss = last.reduce((sum, point) => sum + point.loss, 0) / last.length;
  const of = rows.dev === undefined ? '' : `, judged on ${whole(rows.dev)}`;
  return [
    `trained ${whole(params)} numbers on ${counted(rows.train, 'row')}${of}: ${counted(steps, 'step')}, ${epochs.toFixed(2)} epochs, ${seconds.toFixed(0)} s${last.length > 0 ? `, loss ${curve[0]!.loss.toFixed(3)} to ${loss.toFixed(3)}` : ''}`,
    ...tasks.map(
      (one) =>
        `task ${one.name}: ${one.task} by output ${one.output}, ${counted(one.rows.train, 'row')}${one.rows.dev === undefined ? '' : `, judged on ${whole(one.rows.dev)}`}${one.weight === 1 ? '' : `, weight ${one.weight}`}`,
    ),
    ...(best ? [`best ${metricName(metric)} ${metricValue(metric, best.metric)} at step ${whole(best.step)}`] : []),
  ];
}

/** Nodes that stayed as they were, by reason. */
export interface LeftOut {
  readonly reason: string;
  readonly ops: string;
  readonly count: number;
}

/** What stayed as it was, the most frequent reason first. */
export function leftOut({ steps }: Report): LeftOut[] {
  const reasons = new Map<string, { ops: Set<string>; count: number }>();
  for (const { op, reason } of steps.flatMap((step) => step.skipped)) {
    const entry = reasons.get(reason) ?? { ops: new Set<string>(), count: 0 };
    entry.ops.add(op);
    entry.count++;
    reasons.set(reason, entry);
  }
  return [...reasons]
    .map(([reason, { ops, count }]) => ({ reason: oneLine(reason), ops: oneLine([...ops].join(', ')), count }))
    .sort((a, b) => b.count - a.count);
}

/** What each pass did, in its own counters. */
export function stepRemarks({ steps }: Report): string[] {
  return steps.map(({ pass, stats }) => {
    const counts = Object.entries(stats).map(([name, count]) => `${counter(count)} ${name}`);
    return oneLine(`${pass}: ${counts.join(', ')}`);
  });
}

/** The model accepted last. */
export function baselineRemarks({ baseline }: Report): string[] {
  if (!baseline) return [];
  const { path, metric, value, updated } = baseline;
  const score =
    metric === undefined || value === undefined ? '' : `, ${metricName(metric)} ${metricValue(metric, value)}`;
  return [`baseline ${oneLine(path)}: ${bytes(baseline.bytes)}${score}${updated ? '; updated with this model' : ''}`];
}

/** Where it was measured. */
export function machineRemark({ machine }: Report): string {
  const { cpu, isa, cores, threads, memory, onnxruntime, node } = machine;
  const used = threads === undefined ? '' : `, ${counted(threads, 'thread')}`;
  const extensions = isa.length > 0 ? ` (${isa.join(' ')})` : '';
  return oneLine(
    `${cpu}${extensions}, ${counted(cores, 'core')}, ${bytes(memory)}${used}, onnxruntime ${onnxruntime}, Node ${node.replace(/^v/, '')}`,
  );
}
