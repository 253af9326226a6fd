// Rates of warm-up and decay at hand-counted places, and against PyTorch's cosine.
import { expect, it } from 'vitest';
import { rateShare } from '../../src/train/schedule.ts';
import type { ScheduleOptions } from '../../src/train/types.ts';

const over = (steps: number, options: ScheduleOptions): number[] =>
  Array.from({ length: steps }, (_, step) =>
    Number(rateShare({ step, done: step / steps, steps }, options).toFixed(6)),
  );

it('warms up over a share or over steps, then falls in a line to the floor', () => {
  const line = [0.5, 1, 1, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125];
  expect(over(10, { warmup: 0.2 })).toEqual(line);
  expect(over(10, { warmup: 2 })).toEqual(line);
  expect(over(4, { warmup: 0, floor: 0.2 })).toEqual([1, 0.8, 0.6, 0.4]);
});

it('falls along a cosine, or stays', () => {
  // torch.optim.lr_scheduler.CosineAnnealingLR(T_max=4, eta_min=0.1) from a rate of 1
  expect(over(4, { shape: 'cosine', warmup: 0, floor: 0.1 })).toEqual([1, 0.868198, 0.55, 0.231802]);
  expect(over(4, { shape: 'constant', warmup: 2 })).toEqual([0.5, 1, 1, 1]);
});

it('goes by the share of time where the steps are not known', () => {
  expect(rateShare({ step: 49, done: 0.25 }, { warmup: 100 })).toBeCloseTo(0.5 * 0.75, 12);
  expect(rateShare({ step: 500, done: 0.25 }, { warmup: 100 })).toBeCloseTo(0.75, 12);
  expect(rateShare({ step: 500, done: 0.1 }, { warmup: 0.2 })).toBeCloseTo(0.5, 12);
  expect(rateShare({ step: 500, done: 1.1 }, { warmup: 0.2 })).toBe(0);
});

it('warms up over a whole run that is shorter than its warm-up', () => {
  expect(over(4, { warmup: 8 })).toEqual([0.125, 0.25, 0.375, 0.5]);
});
