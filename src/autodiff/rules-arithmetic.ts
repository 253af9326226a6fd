// Rules of operators that broadcast: gradients have the output's shape, the driver sums them down to each input's.
import { ModelError } from '../errors.ts';
import { describe } from '../ir/verify.ts';
import type { Call, Rules } from './rule.ts';

/** d x^c = c x^(c-1); the exponent is a constant number. */
function power({ node, x: [x = '', c = ''], g, emit, facts }: Call): string {
  const exponents = Array.from(facts.known(c)?.data ?? []);
  const exponent = exponents[0];
  if (exponent === undefined || exponents.some((other) => other !== exponent))
    throw new ModelError(`gradient: expected a constant exponent, found '${c}' (${describe(node)})`);
  if (exponent === 1) return g;
  if (exponent === 2) return emit.mul(g, emit.scale(x, 2));
  if (exponent === 3) return emit.mul(g, emit.scale(emit.mul(x, x), 3));
  return emit.mul(g, emit.scale(emit.op('Pow', [x, emit.scalar(exponent - 1)]), exponent));
}

/** Gradient of Max and Min to one of two inputs: where it is the one taken; ties go to the first. */
function chosen({ x: [a = '', b = ''], g, emit }: Call, op: 'Greater' | 'Less', index: number): string {
  const second = emit.op(op, [b, a]);
  const zero = emit.scalar(0);
  return index === 0 ? emit.op('Where', [second, zero, g]) : emit.op('Where', [second, g, zero]);
}

export const arithmeticRules: Rules = {
  Add: ({ g }) => [() => g, () => g],
  Sub: ({ g, emit }) => [() => g, () => emit.neg(g)],
  Mul: ({ x: [a = '', b = ''], g, emit }) => [() => emit.mul(g, b), () => emit.mul(g, a)],
  Div: ({ x: [, b = ''], y: [y = ''], g, emit }) => [() => emit.div(g, b), () => emit.neg(emit.mul(emit.div(g, b), y))],
  Pow: (call) => [() => power(call)],
  Where: ({ x: [condition = ''], g, emit }) => [
    undefined,
    () => emit.op('Where', [condition, g, emit.scalar(0)]),
    () => emit.op('Where', [condition, emit.scalar(0), g]),
  ],
  Expand: ({ g }) => [() => g],
  Sum: ({ x, g }) => x.map(() => () => g),
  Max: (call) => [() => chosen(call, 'Greater', 0), () => chosen(call, 'Greater', 1)],
  Min: (call) => [() => chosen(call, 'Less', 0), () => chosen(call, 'Less', 1)],
};
