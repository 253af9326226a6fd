// Every float encoder of the zoo: gradients of a fixed projection of its outputs against central differences, weight by weight.
import { expect, it } from 'vitest';
import { Builder } from '../../src/ir/builder.ts';
import { cloneModel } from '../../src/ir/clone.ts';
import { isFloat } from '../../src/ir/dtype.ts';
import type { Model } from '../../src/ir/graph.ts';
import { elementCount, int64s } from '../../src/ir/tensor.ts';
import { readModel } from '../../src/onnx/read.ts';
import { gradientOf, openGradients, type Feeds, type Open } from '../autodiff/support.ts';
import { feedFor } from '../support/zoo-feeds.ts';
import { describeWith, shared, zoo } from '../support/shared.ts';

const notFloat = /ortdynq|ortqdq|ortqop|ortfp16|^neg-/;
const names = zoo().filter((name) => !notFloat.test(name));

describeWith('zoo', 'gradients of the zoo', () => {
  it('is there whole', () => {
    expect(names.length).toBeGreaterThan(80);
  });

  it.each(names)('%s', async (name) => {
    const model = readModel(shared(`zoo/${name}/model.onnx`));
    const outputs = floatOutputs(model);
    const { model: projected, loss } = withProjection(model, outputs);
    const of = weightsOf(model);
    const open = await openGradients(projected, { loss, of, keep: outputs });
    const feeds = Object.fromEntries(
      open.session.inputs.filter((input) => !of.includes(input.name)).map((input) => [input.name, feedFor(input)]),
    );
    const wrong = await compare(open, feeds, outputs);
    await open.session.release();
    expect(wrong).toEqual([]);
    expect(open.made.gradients.size).toBeGreaterThan(20);
  });
});

function floatOutputs(model: Model): string[] {
  return model.graph.outputs.filter((output) => isFloat(output.dtype)).map((output) => output.name);
}

/** Float tensors of more than one number: weights and what exporters fold. */
function weightsOf(model: Model): string[] {
  return [...model.graph.initializers]
    .filter(([, tensor]) => tensor.dtype === 'float32' && elementCount(tensor.shape) > 1)
    .map(([name]) => name);
}

/** Factor of element i of an output; the graph has it in float32, which large angles would be too coarse for. */
const factor = (i: number): number => Math.sin(1.7 * (i % 997) + 0.3);

/** loss = sum over the outputs' elements of sin(1.7 i + 0.3) times element i (i modulo 997). */
function withProjection(model: Model, outputs: readonly string[]): { model: Model; loss: string } {
  const copy = cloneModel(model);
  const builder = new Builder(copy.graph, copy.opsets.get('')!, 'loss');
  const sums = outputs.map((output) => {
    const [zero, one, many] = [0, 1, 997].map((value) => builder.tensor(int64s([], [value])));
    const count = builder.op('Range', [zero!, builder.op('Size', [output]), one!]);
    const index = builder.op('Cast', [builder.op('Mod', [count, many!])], { to: 1n });
    const angle = builder.op('Add', [builder.op('Mul', [index, builder.scalar(1.7)]), builder.scalar(0.3)]);
    const flat = builder.op('Reshape', [output, builder.ints([-1])]);
    return builder.reduceSum(builder.op('Mul', [flat, builder.op('Sin', [angle])]), [0], false);
  });
  const loss = sums.reduce((a, b) => builder.op('Add', [a, b]));
  copy.graph.nodes.push(...builder.nodes);
  return { model: copy, loss };
}

/** Weights whose derivative along a random direction is not what a central difference gives. */
async function compare(open: Open, feeds: Feeds, outputs: readonly string[]): Promise<string[]> {
  const results = await open.session.run({ ...open.weights, ...feeds });
  const wrong: string[] = [];
  const lossAt = async (name: string, along: Float32Array, step: number): Promise<number> => {
    const weight = open.weights[name]!;
    const moved = { ...weight, data: (weight.data as Float32Array).map((x, i) => x + step * along[i]!) };
    const out = await open.session.run({ ...open.weights, ...feeds, [name]: moved }, outputs);
    // in double precision: only the model's own rounding is left
    return outputs.reduce((sum, output) => {
      (out[output]!.data as Float32Array).forEach((x, i) => (sum += x * factor(i)));
      return sum;
    }, 0);
  };
  for (const [name] of open.made.gradients) {
    const grad = gradientOf(open, results, name);
    const along = directionOf(open.weights[name]!.data as Float32Array);
    const analytic = grad.reduce((sum, x, i) => sum + x * along[i]!, 0);
    const spread = Math.hypot(...sample(grad.map((x, i) => x * along[i]!)));
    const errors: string[] = [];
    // too large a step meets curvature, too small a one rounding
    for (const step of [3e-2, 1e-2, 3e-3, 3e-4, 1e-4]) {
      const numeric = ((await lossAt(name, along, step)) - (await lossAt(name, along, -step))) / (2 * step);
      if (Math.abs(numeric - analytic) < 1e-3 + 0.01 * Math.max(Math.abs(numeric), spread)) {
        errors.length = 0;
        break;
      }
      errors.push(`${numeric}`);
    }
    if (errors.length > 0) wrong.push(`${name}: expected one of ${errors.join(', ')}, found ${analytic}`);
  }
  return wrong;
}

/** hypot takes its numbers as arguments. */
function sample(values: Float32Array): number[] {
  const sum = values.reduce((total, x) => total + x * x, 0);
  return [Math.sqrt(sum)];
}

/** Of unit length relative to the weight's own: a step of 0.01 changes it by a hundredth of its norm. */
function directionOf(weight: Float32Array): Float32Array {
  const raw = weight.map((_, i) => Math.sin(1 + 2.3 * i + 0.01 * i * i));
  const length = (values: Float32Array): number => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0));
  const scale = (length(weight) || 1) / length(raw);
  return raw.map((x) => x * scale);
}
