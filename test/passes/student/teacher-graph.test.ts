// What a teacher gives, on onnxruntime: in the type asked for, finite, and nothing else.
import { describe, expect, it } from 'vitest';
import { makeNode } from '../../../src/ir/node.ts';
import { floats } from '../../../src/ir/tensor.ts';
import { float16ToNumber } from '../../../src/math/float16.ts';
import { TeacherGraph } from '../../../src/passes/student/teacher-graph.ts';
import { emptyModel, float32, openModel } from '../../train/support.ts';

function scaled(factor: number) {
  const model = emptyModel(17);
  model.graph.inputs = [{ name: 'x', dtype: 'float32', shape: ['batch', 2] }];
  model.graph.initializers.set('factor', floats([], [factor]));
  model.graph.nodes = [makeNode('Mul', ['x', 'factor'], ['y']), makeNode('Neg', ['y'], ['unasked'])];
  model.graph.outputs = [{ name: 'unasked', dtype: 'float32', shape: ['batch', 2] }];
  return model;
}

describe('TeacherGraph', () => {
  it('gives a value as it is and as float16, what is beyond float16 as its largest number', async () => {
    const graph = new TeacherGraph(scaled(1000), 't');
    const [whole, half] = [graph.give('y', { each: 'text', width: 2 }), graph.give('y', { each: 'text', width: 2 }, true)]; // prettier-ignore
    const { model, signals } = graph.finish();
    expect(signals.map(({ dtype }) => dtype)).toEqual(['float32', 'float16']);
    const session = await openModel(model);
    const outputs = await session.run({ x: float32([1, 2], [1.5, -90]) });
    await session.release();
    expect(Object.keys(outputs).toSorted()).toEqual([whole.name, half.name].toSorted());
    expect(Array.from(outputs[whole.name]!.data as Float32Array)).toEqual([1500, -90000]);
    expect(Array.from(outputs[half.name]!.data as Uint16Array, float16ToNumber)).toEqual([1500, -65504]);
  });
});
