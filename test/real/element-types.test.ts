// Element types by our rules against those that exporters wrote into the graphs of ../shared/zoo (value_info).
import { expect, it } from 'vitest';
import { elementTypes } from '../../src/ir/element-types.ts';
import { orderedNodes } from '../../src/ir/sort.ts';
import { readModel } from '../../src/onnx/read.ts';
import { describeWith, shared, zoo } from '../support/shared.ts';

describeWith('zoo', 'the zoo', () => {
  it('every value has the type its exporter wrote', () => {
    let compared = 0;
    for (const name of zoo().filter((one) => !one.startsWith('neg-'))) {
      const { graph } = readModel(shared(`zoo/${name}/model.onnx`));
      // onnxruntime's quantizer leaves types of values that are gone
      const written = new Set(graph.nodes.flatMap((node) => node.outputs));
      const found = elementTypes({ ...graph, values: [], outputs: [], nodes: orderedNodes(graph) });
      for (const { name: value, dtype } of [...graph.values, ...graph.outputs]) {
        if (dtype === undefined || !written.has(value)) continue;
        expect(found.get(value), `${name}: ${value}`).toBe(dtype);
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(1000);
  });
});
