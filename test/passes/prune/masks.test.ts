import { describe, expect, it } from 'vitest';
import { recognise } from '../../../src/bert/recognise.ts';
import { floats } from '../../../src/ir/tensor.ts';
import { withMasks } from '../../../src/passes/prune/masks.ts';
import { sitesOf } from '../../../src/passes/prune/sites.ts';
import { blocksOf } from '../../../src/passes/structure/blocks.ts';
import { narrow } from '../../../src/passes/structure/narrow.ts';
import { tinyBert } from '../../support/bert.ts';
import { runModel } from '../../support/run-model.ts';

const model = tinyBert({ heads: 4, ffn: 32 });
const blocks = blocksOf(model, recognise(model));
const sites = sitesOf(model, blocks);

describe('withMasks', () => {
  it('changes nothing while all factors are one', async () => {
    const { model: masked, masks } = withMasks(model, sites);
    expect(masks.map((name) => masked.graph.initializers.get(name)!.shape)).toEqual(sites.map(({ units }) => [units]));
    expect((await runModel(masked))['logits']).toEqual((await runModel(model))['logits']);
  });

  it('a factor of zero takes its unit away as a cut does', async () => {
    const { model: masked, masks } = withMasks(model, sites);
    const off = (name: string, unit: number): void => {
      const { shape } = masked.graph.initializers.get(name)!;
      masked.graph.initializers.set(name, floats(shape, Float32Array.from({ length: shape[0]! }, (_, i) => (i === unit ? 0 : 1)))); // prettier-ignore
    };
    const at = (layer: number, kind: string): number => sites.findIndex((site) => site.layer === layer && site.kind === kind); // prettier-ignore
    off(masks[at(0, 'heads')]!, 2);
    off(masks[at(1, 'ffn')]!, 7);
    const neurons = Array.from({ length: 32 }, (_, i) => i).filter((i) => i !== 7);
    const cut = narrow(model, blocks, [{ heads: [0, 1, 3] }, { ffn: [neurons] }]);
    const [found, wanted] = [(await runModel(masked))['logits']!, (await runModel(cut))['logits']!];
    found.forEach((value, i) => expect(value).toBeCloseTo(wanted[i]!, 5));
  });
});
