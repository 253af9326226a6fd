// The mask of an attention: what is added to the scores or replaces them, told apart by running it on paper.
import type { ValueInfo } from '../ir/graph.ts';
import type { Scene } from './scene.ts';
import { originsOf } from './stream.ts';
import type { Known } from '../ir/trace/trace.ts';
import type { MaskFacts } from './types.ts';

/** One thing that acts on the scores between Q K^T and Softmax. */
export interface Term {
  readonly value: string;
  /** add: added; keep: a condition true where the score stays; drop: a condition true where it is replaced. */
  readonly acts: 'add' | 'keep' | 'drop';
}

/** Additive values this far below the row's largest are masked: exporters write -1e4, -3.4e38, -65504 or -inf. */
const masked = -1e3;

/** Facts of all terms together; terms made of float tables (position biases) say nothing about masking. */
export function maskFacts(scene: Scene, terms: readonly Term[], form: MaskFacts['form'] | undefined): MaskFacts {
  const parts = terms.flatMap((term) =>
    term.acts === 'add' ? splitSum(scene, term.value).map((value) => ({ ...term, value })) : [term],
  );
  const given = new Set(scene.graph.inputs.map((input: ValueInfo) => input.name));
  const inputs = new Set<string>();
  let shape: Shape | 'unknown' | undefined;
  let value: string | undefined;
  for (const part of parts) {
    const origins = originsOf(scene.graph, scene.uses, part.value);
    const from = [...origins.inputs].filter((name) => given.has(name) && !scene.graph.initializers.has(name));
    const short = allowedShape(scene.trace.known(part.value), part.acts);
    const found = short === 'full' && compares(origins.ops) ? overALongRow(scene, part) : short;
    if (from.length === 0 && (found === 'unknown' || found === 'full')) continue;
    for (const name of from) inputs.add(name);
    value ??= part.value;
    shape = stronger(shape, found);
  }
  const facts = { ...(form && { form }), ...(value !== undefined && { value }), inputs: [...inputs] };
  if (shape === undefined) return { ...facts, kind: 'none' };
  if (shape === 'unknown')
    return { ...facts, kind: 'unknown', reason: 'the mask could not be computed from the shapes alone' };
  return { ...facts, kind: shape === 'full' ? 'padding' : shape };
}

/** Without a comparison of places there is no window. */
function compares(ops: ReadonlySet<string>): boolean {
  return ['Abs', 'Less', 'LessOrEqual', 'Greater', 'GreaterOrEqual', 'Trilu'].some((op) => ops.has(op));
}

/** A window of local attention that is wider than the short trial run, or what was seen there: everything. */
function overALongRow(scene: Scene, part: Term): Shape | 'unknown' {
  return allowedShape(scene.longTrace().known(part.value), part.acts) === 'local' ? 'local' : 'full';
}

type Shape = 'full' | 'local' | 'causal';

function stronger(a: Shape | 'unknown' | undefined, b: Shape | 'unknown'): Shape | 'unknown' {
  const order = [undefined, 'full', 'unknown', 'local', 'causal'] as const;
  return order.indexOf(a) >= order.indexOf(b) ? a! : b;
}

/** Operands of nested sums outside the token stream: masks and position biases are often added first. */
function splitSum(scene: Scene, value: string): string[] {
  const node = scene.uses.producer.get(value);
  if (!node || scene.trace.known(value)) return [value];
  if (node.op === 'Add') return node.inputs.flatMap((input) => splitSum(scene, input));
  return /^(Cast|Identity|Expand|Unsqueeze|Reshape|QuantizeLinear|DequantizeLinear)$/.test(node.op)
    ? splitSum(scene, node.inputs[0]!)
    : [value];
}

/** Which pairs of places see each other when nothing is padded. */
function allowedShape(known: Known | undefined, acts: Term['acts']): Shape | 'unknown' {
  if (!known) return 'unknown';
  const [rows, columns] = [known.shape.at(-2) ?? 1, known.shape.at(-1) ?? 1];
  if (rows < 2 || columns < 2) return 'full';
  const at = (i: number, j: number): number => known.data[i * columns + j]!;
  const seen = (i: number, j: number): boolean => {
    if (acts !== 'add') return (at(i, j) !== 0) === (acts === 'keep');
    return at(i, j) > masked;
  };
  // with cached keys the columns start before the rows do
  const past = columns - rows;
  let [below, above, all] = [0, 0, true];
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const sees = seen(i, j);
      all &&= sees;
      if (sees && j > i + past) above++;
      if (sees && j < i + past) below++;
    }
  }
  if (all) return 'full';
  if (above === 0 && below > 0) return 'causal';
  return above > 0 && below > 0 ? 'local' : 'unknown';
}
