// Where a written model goes once it is judged: under its final name, or, with its data, under the rejected one.
import { renameSync } from 'node:fs';
import { readModel } from '../onnx/read.ts';
import { writeModel, type Written } from '../onnx/write.ts';
import type { Candidate } from '../report/schema.ts';
import { rejectedPath, type OutputPlan, type Staging } from './output.ts';

/** The path under which the model is now. A model that fails its gates is no model under its final name unless `keep` says so. */
export function place(
  staging: Staging,
  plan: OutputPlan,
  written: Written,
  { verdict }: Pick<Candidate, 'verdict'>,
  keep: boolean | undefined,
): string {
  if (verdict !== 'fail' || keep === true) {
    staging.accept();
    return plan.path;
  }
  // the name of its data stands in the model
  if (written.dataPath) writeModel(readModel(staging.path), staging.rejectedPath);
  else renameSync(staging.path, staging.rejectedPath);
  staging.reject();
  return rejectedPath(plan.path);
}
