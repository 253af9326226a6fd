// Rule of Einsum: the gradient of an operand is an Einsum of the others with the result's gradient.
import { ModelError } from '../errors.ts';
import { stringAttr } from '../ir/node.ts';
import { describe } from '../ir/verify.ts';
import type { Call, InputGradient, Rules } from './rule.ts';

/** Terms and result of an equation; an implicit result is the indices that stand once, in alphabetical order. */
function termsOf(equation: string): { terms: string[]; result: string } {
  const [left = '', right] = equation.replaceAll(' ', '').split('->');
  const terms = left.split(',');
  const all = [...terms.join('')].toSorted();
  return { terms, result: right ?? all.filter((index) => all.indexOf(index) === all.lastIndexOf(index)).join('') };
}

function einsum({ node, x, g, emit }: Call): InputGradient[] {
  const equation = stringAttr(node, 'equation') ?? '';
  const { terms, result } = termsOf(equation);
  return terms.map((term, i) => () => {
    const others = terms.filter((_, k) => k !== i);
    const there = new Set([result, ...others].join(''));
    // an index that only this term has was summed: its gradient would have to be repeated
    const plain =
      !equation.includes('.') && new Set(term).size === term.length && [...term].every((index) => there.has(index));
    if (!plain)
      throw new ModelError(
        `gradient: expected an Einsum whose indices stand in two terms, found '${equation}' (${describe(node)})`,
      );
    const inputs = [g, ...x.filter((_, k) => k !== i)];
    return emit.op('Einsum', inputs, { equation: `${[result, ...others].join(',')}->${term}` });
  });
}

export const einsumRules: Rules = { Einsum: einsum };
