// The table of gradient rules: one an operator; onnxruntime's own have their domain in front.
import { activationRules } from './rules-activation.ts';
import { arithmeticRules } from './rules-arithmetic.ts';
import { convRules } from './rules-conv.ts';
import { einsumRules } from './rules-einsum.ts';
import { matrixRules } from './rules-matrix.ts';
import { moveRules } from './rules-move.ts';
import { reduceRules } from './rules-reduce.ts';
import type { Rules } from './rule.ts';

/** Rules whose gradients have the output's shape; the driver sums them down to the inputs'. */
export const broadcasting: Rules = arithmeticRules;

/** Rules whose gradients have the inputs' shapes. */
export const exact: Rules = {
  ...activationRules,
  ...convRules,
  ...einsumRules,
  ...matrixRules,
  ...moveRules,
  ...reduceRules,
};
