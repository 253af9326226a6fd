// What a gradient rule is.
import type { Node } from '../ir/graph.ts';
import type { Emit } from './emit.ts';
import type { Axis, Facts } from './facts.ts';

/** A node whose inputs' gradients are wanted. */
export interface Call {
  readonly node: Node;
  /** Inputs and outputs by index; '' where left out. */
  readonly x: readonly string[];
  readonly y: readonly string[];
  /** Gradient of the first output, of its shape. */
  readonly g: string;
  /** Gradients of all outputs; undefined where the loss does not depend on one. */
  readonly grads: readonly (string | undefined)[];
  readonly emit: Emit;
  readonly facts: Facts;
  /** Axes of a value. @throws ModelError where they are not known */
  dims(value: string): readonly Axis[];
}

/** Writes the gradient of one input and gives its name; called only where it is wanted. */
export type InputGradient = () => string;

/**
 * For each input the gradient of its shape (of the output's shape in the table of broadcasting operators), or undefined where the
 * output does not depend on its numbers. A weight behind an input that is not in the list is refused.
 */
export type Rule = (call: Call) => readonly (InputGradient | undefined)[];

/** Rules by operator of the standard domain. */
export type Rules = Readonly<Record<string, Rule>>;
