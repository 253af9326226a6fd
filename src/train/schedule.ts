// The learning rate over a run: warm-up, then decay to a floor.
import type { ScheduleOptions } from './types.ts';

/** How far a run is. */
export interface Progress {
  /** Steps taken. */
  readonly step: number;
  /** Share of the run that is done, of its steps or of its time, 0 to 1. */
  readonly done: number;
  /** Steps in all, where they are known. */
  readonly steps?: number | undefined;
}

/**
 * The rate of the next step as a share of the highest one. Warm-up is linear, in steps or (below 1) as a share of the run;
 * from its end on the rate falls in a line or half a cosine (Loshchilov and Hutter 2017) to the floor at the run's end.
 * Warm-up steps of a run bounded by time lie within the decay: their share of the run is not known.
 */
export function rateShare(
  { step, done, steps }: Progress,
  { shape = 'linear', warmup = 0.06, floor = 0 }: ScheduleOptions = {},
): number {
  const warm = warmup < 1 ? warmup : steps === undefined ? 0 : Math.min(1, warmup / steps);
  // the first step has a rate above zero
  const next = done + (steps === undefined ? 0 : 1 / steps);
  const up = warmup >= 1 ? (step + 1) / warmup : warm === 0 ? 1 : next / warm;
  const gone = warm >= 1 ? 0 : Math.min(1, Math.max(0, (done - warm) / (1 - warm)));
  const falls = { linear: 1 - gone, cosine: (1 + Math.cos(Math.PI * gone)) / 2, constant: 1 };
  return Math.min(1, up) * (floor + (1 - floor) * falls[shape]);
}
