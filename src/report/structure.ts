// What is said of a pruned model: multiply-adds, and what healing gave.
import { metricName, metricValue, percent, whole } from './figures.ts';
import type { Candidate } from './schema.ts';

/** Multiply-adds of the layers, before and after. */
export function macsRow({ structure }: Pick<Candidate, 'structure'>): string[][] {
  if (!structure) return [];
  const { sequence, before, after } = structure.macs;
  const millions = (macs: number): string => `${whole(Math.round(macs / 1e6))} M`;
  return [[`multiply-adds 1 x ${sequence}`, millions(before), millions(after), percent(after / before, 1)]];
}

/** Share of the multiply-adds that is left. */
export function macsShare({ structure }: Pick<Candidate, 'structure'>): number | undefined {
  return structure && structure.macs.after / structure.macs.before;
}

/** The model before it learned from the original. */
export function healingRemarks({ beforeHealing }: Pick<Candidate, 'beforeHealing'>): string[] {
  if (!beforeHealing) return [];
  const { accuracy, parity } = beforeHealing;
  const told = [
    ...(accuracy ? [`${metricName(accuracy.metric)} ${metricValue(accuracy.metric, accuracy.after)}`] : []),
    ...(parity?.agreement === undefined ? [] : [`agreement ${percent(parity.agreement)}`]),
    ...(parity?.kl === undefined ? [] : [`KL ${parity.kl.toPrecision(3)} nats`]),
    ...(parity && parity.agreement === undefined ? [`cosine ${parity.cosine.toFixed(5)}`] : []),
  ];
  return [`before healing: ${told.join(', ')}`];
}
