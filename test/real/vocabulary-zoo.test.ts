// Fewer tokens in every encoder of the zoo: outputs on kept tokens are the same bit by bit.
import { expect, it } from 'vitest';
import { readModel } from '../../src/onnx/read.ts';
import { findVocabulary } from '../../src/passes/prune/vocabulary.ts';
import { expectSameOutputs } from '../support/fewer-tokens.ts';
import { describeWith, shared, zoo } from '../support/shared.ts';

const names = zoo().filter((name) => !name.startsWith('neg-'));

describeWith('zoo', 'vocabularies of the zoo', () => {
  it.each(names)('%s', async (name) => {
    const model = readModel(shared(`zoo/${name}/model.onnx`));
    const smaller = await expectSameOutputs(model);
    expect(findVocabulary(smaller).rows).toBeLessThan(findVocabulary(model).rows);
  });

  it('refuses what picks no rows', () => {
    for (const name of ['neg-mlp-ts-17', 'neg-resnet-ts-17'])
      expect(() => findVocabulary(readModel(shared(`zoo/${name}/model.onnx`)))).toThrow(
        'expected an input of token numbers that picks rows of a table, found none',
      );
  });
});
