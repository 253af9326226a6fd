// Which input of a model takes ids, mask, segments and positions, and what shape the inputs are fixed to.
import { ModelError } from '../errors.ts';
import type { ValueSpec } from '../runtime/session.ts';

/** Names of a model's inputs by meaning. */
export interface InputRoles {
  readonly ids: string;
  readonly mask?: string;
  readonly segments?: string;
  readonly positions?: string;
}

/** Names that exporters give, lower case, without a namespace before and `:0` after. */
const usual: Readonly<Record<keyof InputRoles, RegExp>> = {
  ids: /^(input_?ids?|ids|tokens|token_ids|input_word_ids|input|input\.1|input_1)$/,
  mask: /^(attention_?mask|att_mask|attn_mask|input_?mask|mask|padding_mask|valid_mask)$/,
  segments: /^(token_?type_?ids?|segment_?ids?|segments|input_type_ids|type_ids|token_types)$/,
  positions: /^(position_?ids?|positions|input_positions)$/,
};

/**
 * Tells the inputs apart by their names, for a model whose graph was not read.
 * @throws ModelError naming the inputs, where none takes ids or one of them is none of the four
 */
export function rolesByName(inputs: readonly ValueSpec[]): InputRoles {
  const find = (role: keyof InputRoles): string | undefined =>
    inputs.find((input) => usual[role].test(plainName(input.name)))?.name;
  const [ids, mask, segments, positions] = [find('ids'), find('mask'), find('segments'), find('positions')];
  if (ids === undefined) {
    throw new ModelError(`inputs: expected one for token ids, found ${inputs.map((input) => input.name).join(', ')}`);
  }
  const roles: InputRoles = {
    ids,
    ...(mask === undefined ? {} : { mask }),
    ...(segments === undefined ? {} : { segments }),
    ...(positions === undefined ? {} : { positions }),
  };
  checkRoles(inputs, roles);
  return roles;
}

/** @throws ModelError naming an input that has no role or cannot hold [batch, sequence] numbers */
export function checkRoles(inputs: readonly ValueSpec[], roles: InputRoles): void {
  const known = Object.values(roles);
  for (const input of inputs) {
    if (!known.includes(input.name)) {
      throw new ModelError(
        `input '${input.name}': expected ids, mask, segments or positions, found an input that cannot be fed from text`,
      );
    }
    if (input.shape.length !== 2) {
      throw new ModelError(`input '${input.name}': expected [batch, sequence], found ${input.shape.length} dimensions`);
    }
  }
}

/** Dimensions that the model's inputs are fixed to; a free one is left out. */
export interface FixedShape {
  readonly batch?: number;
  readonly sequence?: number;
}

/** The fixed dimensions of the ids input, or of another where only that is fixed. */
export function fixedShape(inputs: readonly ValueSpec[], roles: InputRoles): FixedShape {
  const fixed = (axis: number): number | undefined => {
    const sizes = inputs
      .filter((input) => Object.values(roles).includes(input.name))
      .map((input) => input.shape[axis])
      .filter((size) => typeof size === 'number');
    return sizes[0];
  };
  const [batch, sequence] = [fixed(0), fixed(1)];
  return { ...(batch === undefined ? {} : { batch }), ...(sequence === undefined ? {} : { sequence }) };
}

/** The fixed dimensions of two models that are to take the same batches. @throws ModelError where they differ */
export function commonShape(a: FixedShape, b: FixedShape): FixedShape {
  for (const axis of ['batch', 'sequence'] as const) {
    if (a[axis] !== undefined && b[axis] !== undefined && a[axis] !== b[axis]) {
      throw new ModelError(`inputs: expected the same ${axis} in both models, found ${a[axis]} and ${b[axis]}`);
    }
  }
  return { ...a, ...b };
}

function plainName(name: string): string {
  return name
    .toLowerCase()
    .replace(/:\d+$/, '')
    .replace(/^.*\//, '')
    .replace(/^serving_default_/, '');
}
