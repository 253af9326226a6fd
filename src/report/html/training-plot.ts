// Plots of a training run: the loss by step, and the metric at each evaluation.
import { metricName, metricValue, whole } from '../figures.ts';
import type { Report, Training } from '../schema.ts';
import type { Table } from '../tables.ts';
import { AFTER, axis, BEFORE, INK } from './bars.ts';
import { html, type Markup } from './markup.ts';
import { figureMarkup, Plot } from './plot.ts';

/** Rows of the table under the plot, about. */
const ROWS = 40;
const height = 240;

export function trainingFigures({ training }: Report): (Markup | undefined)[] {
  if (!training) return [];
  return [lossFigure(training), metricFigure(training)];
}

/** Points of the curve with a running mean, weights falling by half over a twentieth of the points. */
function smoothed(curve: Training['curve']): { step: number; loss: number; mean: number }[] {
  const share = 1 - 0.5 ** (20 / Math.max(20, curve.length));
  let mean = curve[0]?.loss ?? 0;
  return curve.map(({ step, loss }) => ({ step, loss, mean: (mean += share * (loss - mean)) }));
}

function lossFigure({ curve }: Training): Markup | undefined {
  if (curve.length < 2) return undefined;
  const points = smoothed(curve);
  const [first, last] = [points[0]!, points.at(-1)!];
  return figureMarkup({
    name: `Line of the training loss by step, from ${first.loss.toFixed(3)} to ${last.mean.toFixed(3)} at step ${whole(last.step)}.`,
    caption: html`<p>
      Training loss by step: <span class="key before">as measured</span> and its
      <span class="key after">running mean</span>.
    </p>`,
    draw: (place) => ({
      height,
      marginLeft: 48,
      marginRight: 16,
      marginTop: 8,
      marginBottom: 36,
      x: { label: 'step', ...axis, ticks: place.width < 400 ? 3 : 6 },
      y: { label: null, grid: true, nice: true, zero: true, ticks: 5 },
      marks: [
        Plot.line(points, { x: 'step', y: 'loss', stroke: BEFORE, strokeWidth: 1, strokeOpacity: 0.5 }),
        Plot.line(points, { x: 'step', y: 'mean', stroke: AFTER, strokeWidth: 2 }),
        Plot.ruleY([0], { stroke: INK }),
      ],
    }),
    data: curveTable(curve),
  });
}

function curveTable(curve: Training['curve']): Table {
  const every = Math.ceil(curve.length / ROWS);
  return {
    caption: 'Training loss and rate by step',
    columns: ['step', 'loss', 'rate'].map((title) => ({ title, kind: 'number' })),
    rows: curve
      .filter((_, i) => i % every === 0 || i === curve.length - 1)
      .map(({ step, loss, rate }) => [whole(step), loss.toFixed(4), rate.toExponential(2)]),
  };
}

function metricFigure({ evaluations, metric = 'metric', best, tasks = [] }: Training): Markup | undefined {
  if (evaluations.length < 2) return undefined;
  const names = tasks
    .map(({ name }) => name)
    .filter((name) => evaluations.some((one) => one.tasks?.[name] !== undefined));
  const top = evaluations.filter(({ step }) => step === best?.step);
  const said = evaluations.map((one) => `step ${whole(one.step)} ${metricValue(metric, one.metric)}`);
  return figureMarkup({
    name: `Line of ${metricName(metric)} at each evaluation: ${said.join(', ')}.`,
    caption: html`<p>
      ${metricName(metric)} on the rows to judge by, at each evaluation; the dot is the model that was
      kept.${names.length > 0 && ` The thin lines are the tasks: ${names.join(', ')}.`}
    </p>`,
    draw: (place) => ({
      height,
      marginLeft: 48,
      marginRight: 16,
      marginTop: 12,
      marginBottom: 36,
      x: { label: 'step', ...axis, ticks: place.width < 400 ? 3 : 6 },
      y: { label: null, grid: true, nice: true, ticks: 5, percent: true },
      marks: [
        ...names.map((task) =>
          Plot.line(evaluations, {
            x: 'step',
            y: (one: (typeof evaluations)[number]) => one.tasks?.[task],
            stroke: BEFORE,
            strokeWidth: 1,
          }),
        ),
        Plot.line(evaluations, { x: 'step', y: 'metric', stroke: AFTER, strokeWidth: 2 }),
        Plot.dot(evaluations, { x: 'step', y: 'metric', stroke: AFTER, r: 2.5 }),
        Plot.dot(top, { x: 'step', y: 'metric', fill: AFTER, r: 5 }),
      ],
    }),
    data: {
      caption: `${metricName(metric)} at each evaluation`,
      columns: ['step', metricName(metric), ...names].map((title) => ({ title, kind: 'number' })),
      rows: evaluations.map((one) => [
        whole(one.step),
        metricValue(metric, one.metric),
        ...names.map((task) => metricValue(metric, one.tasks?.[task] ?? Number.NaN)),
      ]),
    },
  });
}
