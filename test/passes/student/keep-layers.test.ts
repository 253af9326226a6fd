// A model without some layers against the same model built without them, on onnxruntime.
import { describe, expect, it } from 'vitest';
import { boundariesOf } from '../../../src/bert/boundaries.ts';
import { recognise } from '../../../src/bert/recognise.ts';
import type { Model } from '../../../src/ir/graph.ts';
import { checkGraph } from '../../../src/ir/verify.ts';
import { keepLayers } from '../../../src/passes/student/keep-layers.ts';
import { tinyBert } from '../../support/bert.ts';
import { quietContext } from '../../support/graphs.ts';
import { runModel } from '../../support/run-model.ts';

const layers = 4;

/** Built with as many layers as are kept, with the weights of those in the whole model. */
function rebuilt(whole: Model, kept: readonly number[]): Model {
  const model = tinyBert({ layers: kept.length });
  for (const name of model.graph.initializers.keys()) {
    const from = name.replace(/^layer\.(\d+)/, (_, i: string) => `layer.${kept[Number(i)]}`);
    model.graph.initializers.set(name, whole.graph.initializers.get(from)!);
  }
  return model;
}

function keep(model: Model, choice: number | number[]): Model {
  const { model: student } = keepLayers.run(model, { layers: choice }, quietContext);
  checkGraph(student.graph, 'student');
  return student;
}

describe('keepLayers', () => {
  it.each([[[0]], [[3]], [[1, 3]], [[0, 2, 3]], [[1, 2]]])('keeps %o', async (kept) => {
    const whole = tinyBert({ layers });
    const student = keep(whole, kept);
    expect(await runModel(student)).toEqual(await runModel(rebuilt(whole, kept)));
    const names = [...student.graph.initializers.keys()];
    expect(new Set(names.filter((name) => name.startsWith('layer.')).map((name) => Number(name[6])))).toEqual(
      new Set(kept),
    );
    expect(student.graph.nodes.length).toBe(rebuilt(whole, kept).graph.nodes.length);
  });

  it('leaves the model as it is where every layer stays', () => {
    const whole = tinyBert({ layers });
    expect(keepLayers.run(whole, { layers }, quietContext)).toMatchObject({ model: whole, changed: false });
  });

  it('gives the output of the graph to the last layer kept', async () => {
    const whole = withHiddenOutput(tinyBert({ layers }));
    const student = keep(whole, [0, 1]);
    const { hidden } = await runModel(student);
    const inner = tinyBert({ layers });
    inner.graph.outputs = [{ name: 'layer.1.hidden', dtype: 'float32' }];
    expect(hidden).toEqual((await runModel(inner))['layer.1.hidden']);
  });

  it('refuses a graph whose inner layers are outputs, and one that is no encoder', () => {
    const model = tinyBert({ layers });
    model.graph.outputs.push({ name: 'layer.1.hidden', dtype: 'float32', shape: ['batch', 'sequence', 16] });
    expect(() => keep(model, 2)).toThrow('no single value carries the token data');
    const none = tinyBert({ layers: 0 });
    expect(() => keep(none, 1)).toThrow('expected an encoder with layers, found none');
  });
});

describe('boundariesOf', () => {
  it('cuts between the norm of a layer and what reads it', () => {
    const model = tinyBert({ layers: 2 });
    const cut = boundariesOf(model.graph, recognise(model).encoders[0]!);
    expect(cut).toMatchObject({ into: ['embeddings', 'layer.0.hidden'], out: 'layer.1.hidden' });
  });

  it('finds the end of a single layer', () => {
    const model = tinyBert({ layers: 1 });
    expect(boundariesOf(model.graph, recognise(model).encoders[0]!)).toMatchObject({ out: 'layer.0.hidden' });
  });
});

/** Hidden states are the output, as exports of bare encoders have it. */
function withHiddenOutput(model: Model): Model {
  const last = `layer.${layers - 1}.hidden`;
  const rename = (name: string): string => (name === last ? 'hidden' : name);
  model.graph.nodes = model.graph.nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map(rename),
    outputs: node.outputs.map(rename),
  }));
  model.graph.outputs = [{ name: 'hidden', dtype: 'float32', shape: ['batch', 'sequence', 16] }];
  return model;
}
