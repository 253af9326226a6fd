// What is differentiated where there are no labels: the outputs along a direction whose outer product is the Fisher matrix of the model's own predictions.
import type { Recognition } from '../../bert/types.ts';
import { ModelError } from '../../errors.ts';
import type { Builder } from '../../ir/builder.ts';
import type { ValueInfo } from '../../ir/graph.ts';
import type { HostTensor } from '../../ir/host-tensor.ts';
import { createRandom } from '../../math/random.ts';

/** How an output's directions are drawn. */
type Form = 'classes' | 'binary' | 'positions' | 'numbers';

/** One output that is probed. */
export interface Probe {
  readonly output: string;
  readonly form: Form;
  /** The input that brings the direction, of the output's shape. */
  readonly input: ValueInfo & { readonly name: string };
}

const forms: Partial<Record<string, Form>> = {
  logits: 'classes',
  'token-logits': 'classes',
  'vocabulary-logits': 'classes',
  'span-logits': 'positions',
  sentence: 'numbers',
  pooled: 'numbers',
  hidden: 'numbers',
};

/**
 * The outputs that say what the model is for: class scores where there are some, else vectors.
 * @param binary each class for itself (multi-label)
 * @throws ModelError where no output is known
 */
export function probesOf({ head }: Recognition, binary: boolean): Probe[] {
  const kinds = Object.keys(forms);
  const kind = kinds.find((kind) => head.outputs.some((output) => output.kind === kind));
  const chosen = head.outputs.filter((output) => output.kind === kind);
  if (kind === undefined)
    throw new ModelError(
      `prune: expected an output whose meaning is known, found ${head.outputs.map(({ name }) => name).join(', ') || 'none'}`,
    );
  return chosen.map(({ name, size }, i) => {
    const form = size === 1 && kind === 'logits' ? 'numbers' : kind === 'logits' && binary ? 'binary' : forms[kind]!;
    return { output: name, form, input: { name: `prune_probe_${i}`, dtype: 'float32' } };
  });
}

/** The sum of each output times its direction: a scalar. */
export function appendProbes(builder: Builder, probes: readonly Probe[]): string {
  const sums = probes.map(({ output, input }) =>
    builder.op('ReduceSum', [builder.op('Mul', [output, input.name])], { keepdims: 0n }),
  );
  return sums.reduce((a, b) => builder.op('Add', [a, b]));
}

/**
 * Directions for a batch's outputs; none for padding. For class scores z with p = softmax(z) it is v = sum_c r_c sqrt(p_c) (e_c - p), r_c
 * random signs, so that E[v v^T] = diag(p) - p p^T, the Fisher matrix of z; for two classes sqrt(p_0 p_1) (1, -1) is that
 * without chance. For each class by itself sqrt(p (1 - p)) r; for vectors and numbers, where the squared error counts, r.
 */
export function directions(
  probes: readonly Probe[],
  outputs: Readonly<Record<string, HostTensor>>,
  mask: Uint8Array,
  seed: number,
): Record<string, HostTensor> {
  const random = createRandom(seed);
  const sign = (): number => (random.bits() & 1 ? 1 : -1);
  return Object.fromEntries(
    probes.map(({ output, form, input }) => {
      const { dims, data } = outputs[output]!;
      const scores = Float64Array.from(data, Number);
      const width = dims.at(-1)!;
      const rows = scores.length / width;
      const v = new Float32Array(scores.length);
      const tokens = dims.length === 3;
      for (let row = 0; row < rows; row++) {
        if (tokens && mask[row] === 0) continue;
        const at = row * width;
        fill(form, scores.subarray(at, at + width), v.subarray(at, at + width), sign);
      }
      return [input.name, { dtype: 'float32', dims, data: v }];
    }),
  );
}

function fill(form: Form, z: Float64Array, v: Float32Array, sign: () => number): void {
  if (form === 'numbers') v.forEach((_, c) => (v[c] = sign()));
  else if (form === 'binary') {
    z.forEach((x, c) => {
      const p = 1 / (1 + Math.exp(-x));
      v[c] = sign() * Math.sqrt(p * (1 - p));
    });
  } else {
    const p = softmax(z);
    if (p.length === 2) {
      const size = Math.sqrt(p[0]! * p[1]!);
      v.set([size, -size]);
      return;
    }
    const roots = p.map((x) => sign() * Math.sqrt(x));
    const total = roots.reduce((sum, x) => sum + x, 0);
    roots.forEach((x, c) => (v[c] = x - total * p[c]!));
  }
}

function softmax(z: Float64Array): Float64Array {
  const top = z.reduce((a, b) => Math.max(a, b), -Infinity);
  const exp = z.map((x) => Math.exp(x - top));
  const sum = exp.reduce((a, b) => a + b, 0);
  return exp.map((x) => x / sum);
}
