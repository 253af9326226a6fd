import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadConfig, parseConfig } from '../../src/data/config.ts';

describe('config.json', () => {
  it('is read where there is one', async () => {
    const folder = fileURLToPath(new URL('../support/tiny', import.meta.url));
    expect(await loadConfig(folder)).toEqual({
      architectures: ['BertForSequenceClassification'],
      modelType: 'bert',
      labels: ['negative', 'positive'],
      vocabularySize: 160,
      maxPositions: 64,
    });
    expect(await loadConfig(fileURLToPath(new URL('.', import.meta.url)))).toBeUndefined();
  });

  it('takes nothing for granted', () => {
    expect(parseConfig({})).toEqual({ architectures: [], labels: [] });
    expect(parseConfig({ architectures: 'x', id2label: { 0: 'a', 2: 'c' }, vocab_size: '9' })).toEqual({
      architectures: [],
      labels: [],
    });
    expect(parseConfig({ label2id: { b: 1, a: 0 } }).labels).toEqual(['a', 'b']);
  });

  it('knows the heads of a model that has several', () => {
    const head = { output: 'logits_a', id2label: { 0: 'x', 1: 'y' }, problem_type: 'regression', architectures: ['B'] };
    const { heads } = parseConfig({ task_heads: { a: head, b: { id2label: {} }, c: 3 } });
    expect([...heads!]).toEqual([
      ['a', { output: 'logits_a', config: { architectures: ['B'], labels: ['x', 'y'], problemType: 'regression' } }],
    ]);
    expect(parseConfig({ task_heads: [] })).not.toHaveProperty('heads');
  });

  it('leaves out the positions that RoBERTa reserves', () => {
    expect(parseConfig({ model_type: 'roberta', max_position_embeddings: 514, pad_token_id: 1 }).maxPositions).toBe(
      512,
    );
  });
});
