// Narrower layers against the whole model with the weights of what went set to zero, on onnxruntime.
import { describe, expect, it } from 'vitest';
import { recognise } from '../../../src/bert/recognise.ts';
import { architectureOf } from '../../../src/bert/summary.ts';
import type { Model } from '../../../src/ir/graph.ts';
import { asFloat32, floats, type Tensor } from '../../../src/ir/tensor.ts';
import { checkGraph } from '../../../src/ir/verify.ts';
import { narrowFfn } from '../../../src/passes/student/narrow-ffn.ts';
import { narrowHeads } from '../../../src/passes/student/narrow-heads.ts';
import { tinyBert } from '../../support/bert.ts';
import { quietContext } from '../../support/graphs.ts';
import { runModel } from '../../support/run-model.ts';

const hidden = 16;
const shape = { hidden, heads: 4, ffn: 12 };
const size = hidden / shape.heads;

/** Rows of [rows, columns] times a factor each. */
function scaleRows(tensor: Tensor, factor: (row: number) => number): Tensor {
  const columns = tensor.shape[1]!;
  return floats(tensor.shape, asFloat32(tensor).map((x, i) => x * factor(Math.floor(i / columns)))); // prettier-ignore
}

function withWeights(name: RegExp, factor: (row: number) => number, model = tinyBert(shape)): Model {
  for (const [key, tensor] of model.graph.initializers)
    if (name.test(key)) model.graph.initializers.set(key, scaleRows(tensor, factor));
  return model;
}

async function expectEqual(narrow: Model, zeroed: Model): Promise<void> {
  checkGraph(narrow.graph, 'student');
  const [a, b] = [await runModel(narrow), await runModel(zeroed)];
  a['logits']!.forEach((x, i) => expect(x).toBeCloseTo(b['logits']![i]!, 5));
}

describe('narrowFfn', () => {
  it('keeps the neurons of the largest weights', async () => {
    // rows of the second dense layer are neurons: 0, 3, 6, 9 are made large
    const large = withWeights(/\.output\.weight/, (row) => (row % 3 === 0 ? 100 : 1));
    const { model, stats } = narrowFfn.run(large, { ffn: 4 }, quietContext);
    expect(stats).toEqual({ 'ffn before': 12, ffn: 4 });
    expect(architectureOf(recognise(model)).ffn).toEqual([4, 4]);
    await expectEqual(
      model,
      withWeights(/\d\.output\.weight/, (row) => (row % 3 === 0 ? 1 : 0), large),
    );
  });

  it('leaves a width that is there, and refuses a larger one', () => {
    expect(narrowFfn.run(tinyBert(shape), { ffn: 12 }, quietContext).changed).toBe(false);
    expect(() => narrowFfn.run(tinyBert(shape), { ffn: 13 }, quietContext)).toThrow('--ffn: expected 1 to 12');
  });
});

describe('narrowHeads', () => {
  it('keeps the heads of the largest weights; reshapes follow', async () => {
    const kept = (row: number): boolean => [1, 3].includes(Math.floor(row / size));
    const large = withWeights(/attention\.output\.weight/, (row) => (kept(row) ? 100 : 1));
    const { model } = narrowHeads.run(large, { heads: 2 }, quietContext);
    expect(architectureOf(recognise(model))).toMatchObject({ heads: [2, 2], headSize: [size, size] });
    await expectEqual(
      model,
      withWeights(/attention\.output\.weight/, (row) => (kept(row) ? 1 : 0), large),
    );
  });

  it('refuses more heads than there are', () => {
    expect(() => narrowHeads.run(tinyBert(shape), { heads: 5 }, quietContext)).toThrow('--heads: expected 1 to 4');
  });
});
