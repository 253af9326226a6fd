// `validate` as a function: what the command does, with typed options and a Report.
import { measuringOf, type MeasuringOptions } from './measuring-options.ts';
import type { Events } from './pipeline/events.ts';
import { validateModels } from './pipeline/validate.ts';
import type { Report } from './report/schema.ts';

/** Options of `validate`; each is the flag of the same name. */
export type ValidateOptions = MeasuringOptions;

/**
 * Hold models against the original on labelled rows and judge them by the gates.
 * A gate that does not hold is no exception: `report.verdict` is 'fail', and each candidate's `failures` say why.
 * Throws UsageError, ModelError or DataError: one line each.
 */
export function validate(
  original: string,
  candidates: readonly string[],
  options: ValidateOptions = {},
  events?: Events,
): Promise<Report> {
  return validateModels({ ...measuringOf(options), original, candidates }, events);
}
