// The table of gradient rules: one a operator of the standard domain.
import { activationRules } from './rules-activation.ts';
import { arithmeticRules } from './rules-arithmetic.ts';
import { matrixRules } from './rules-matrix.ts';
import { moveRules } from './rules-move.ts';
import { reduceRules } from './rules-reduce.ts';
import type { Rules } from './rule.ts';

/** Rules whose gradients have the output's shape; the driver sums them down to the inputs'. */
export const broadcasting: Rules = arithmeticRules;

/** Rules whose gradients have the inputs' shapes. */
export const exact: Rules = { ...activationRules, ...matrixRules, ...moveRules, ...reduceRules };
