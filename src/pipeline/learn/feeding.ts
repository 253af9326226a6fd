// How a model that was read is fed in training.
import type { Tokenizer } from '../../data/tokenizer/tokenizer.ts';
import { checkRoles, fixedShape, rolesByName } from '../../evaluate/roles.ts';
import type { Feeding } from '../../objectives/batch-source.ts';
import type { KnownModel } from '../known-model.ts';

/** Throws ModelError for an input that cannot be fed. */
export function feedingOf({ inputs, roles }: KnownModel, { padId, padSide }: Tokenizer): Feeding {
  const known = roles ?? rolesByName(inputs);
  checkRoles(inputs, known);
  return { inputs, roles: known, fixed: fixedShape(inputs, known), padId, padSide };
}
