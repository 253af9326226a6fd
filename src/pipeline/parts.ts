// Parameters by part of a model beside the original's, for the report.
import { recognise } from '../bert/recognise.ts';
import type { Recognition } from '../bert/types.ts';
import { constantsOf, partsOf } from '../bert/parts.ts';
import type { Model } from '../ir/graph.ts';
import type { Candidate } from '../report/schema.ts';

/** A model that may have been recognised already. */
export interface Recognised {
  readonly model: Model;
  readonly recognition?: Recognition;
}

/** The report's `parts` of two models. */
export function partsBeside(before: Recognised, after: Recognised): Pick<Candidate, 'parts'> {
  const parts = ({ model, recognition }: Recognised): NonNullable<Candidate['parts']>['before'] =>
    partsOf(constantsOf(model.graph), recognition ?? recognise(model)).map((part) => ({ ...part }));
  return { parts: { before: parts(before), after: parts(after) } };
}
