import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/data/config.ts';
import { makeFeeds } from '../../src/evaluate/feeds.ts';
import { guessTask } from '../../src/evaluate/guess-task.ts';
import { chooseEmbedding, chooseLogits } from '../../src/evaluate/outputs.ts';
import { taskNamed } from '../../src/evaluate/registry.ts';
import { fixedShape, rolesByName } from '../../src/evaluate/roles.ts';
import type { ValueSpec } from '../../src/runtime/session.ts';

const spec = (name: string, shape: ValueSpec['shape'], dtype: ValueSpec['dtype'] = 'float32'): ValueSpec => ({
  name,
  dtype,
  shape,
});
const input = (name: string, shape: ValueSpec['shape'] = ['batch', 'sequence'], dtype: ValueSpec['dtype'] = 'int64') =>
  spec(name, shape, dtype);

describe('rolesByName', () => {
  it('knows the names of several exporters', () => {
    expect(rolesByName(['input_ids', 'attention_mask', 'token_type_ids', 'position_ids'].map((n) => input(n)))).toEqual(
      {
        ids: 'input_ids',
        mask: 'attention_mask',
        segments: 'token_type_ids',
        positions: 'position_ids',
      },
    );
    expect(rolesByName(['segment_ids:0', 'input_mask:0', 'input_ids:0'].map((n) => input(n)))).toEqual({
      ids: 'input_ids:0',
      mask: 'input_mask:0',
      segments: 'segment_ids:0',
    });
  });

  it('names what it does not know', () => {
    expect(() => rolesByName([input('pixel_values')])).toThrow(
      'inputs: expected one for token ids, found pixel_values',
    );
    expect(() => rolesByName([input('input_ids'), input('bbox')])).toThrow("input 'bbox': expected ids, mask");
    expect(() => rolesByName([input('input_ids', [1, 2, 3])])).toThrow(
      "input 'input_ids': expected [batch, sequence], found 3 dimensions",
    );
  });

  it('finds fixed dimensions', () => {
    expect(fixedShape([input('input_ids', ['b', 16])], { ids: 'input_ids' })).toEqual({ sequence: 16 });
    expect(fixedShape([input('input_ids', [2, 16])], { ids: 'input_ids' })).toEqual({ batch: 2, sequence: 16 });
  });
});

describe('makeFeeds', () => {
  const batch = {
    size: 1,
    sequence: 3,
    ids: Int32Array.of(0, 7, 70_000),
    mask: Uint8Array.of(0, 1, 1),
    segments: new Uint8Array(3),
  };

  it('gives each input its own type, and positions from the first token on', () => {
    const roles = { ids: 'i', mask: 'm', positions: 'p' };
    const feeds = makeFeeds([input('i'), input('m', [1, 3], 'float32'), input('p', [1, 3], 'int32')], roles, batch);
    expect(feeds['i']).toEqual({ dtype: 'int64', dims: [1, 3], data: BigInt64Array.of(0n, 7n, 70_000n) });
    expect(feeds['m']!.data).toEqual(Float32Array.of(0, 1, 1));
    expect(feeds['p']!.data).toEqual(Int32Array.of(0, 0, 1));
  });

  it('refuses a type that holds no ids', () => {
    expect(() => makeFeeds([input('i', [1, 3], 'string')], { ids: 'i' }, batch)).toThrow(
      "input 'i': expected int64, int32 or float32, found string",
    );
  });
});

describe('outputs', () => {
  const pooler = spec('pooler_output', ['batch', 8]);

  it('chooses class scores', () => {
    expect(chooseLogits([pooler, spec('logits', ['batch', 2])]).name).toBe('logits');
    expect(chooseLogits([spec('hidden', ['b', 's', 8]), spec('y', ['b', 2])])).toEqual({
      name: 'y',
      how: 'the first float output of rank 2',
    });
  });

  it('chooses embeddings, the pooler last', () => {
    const tokens = spec('last_hidden_state', ['batch', 's', 8]);
    expect(chooseEmbedding([pooler, tokens]).name).toBe('last_hidden_state');
    expect(chooseEmbedding([tokens, spec('sentence_embedding', ['batch', 8])]).name).toBe('sentence_embedding');
    expect(chooseEmbedding([spec('n', [2], 'int64'), spec('x', ['b', 's', 8])]).how).toBe(
      'the first float output of rank 3',
    );
    expect(chooseEmbedding([pooler])).toEqual({ name: 'pooler_output', how: 'the first float output' });
  });

  it('needs a float output', () => {
    expect(() => chooseLogits([spec('n', [2], 'int64')])).toThrow(
      'outputs: expected one of floating point, found n (int64)',
    );
  });
});

describe('guessTask', () => {
  const logits = (...shape: (string | number)[]) => [spec('logits', shape)];
  const hidden = [spec('last_hidden_state', ['b', 's', 8])];

  it('asks the config first, then the outputs, then the data', () => {
    const config = parseConfig({ architectures: ['RobertaForTokenClassification'] });
    expect(guessTask(config, logits('b', 2)).task).toBe('token-classification');
    expect(guessTask(undefined, logits('b', 2)).task).toBe('text-classification');
    expect(guessTask(undefined, logits('b', 's', 9)).task).toBe('token-classification');
    expect(guessTask(undefined, logits('b', 's', 30_522)).task).toBe('fill-mask');
    expect(guessTask(undefined, [spec('start_logits', ['b', 's']), spec('end_logits', ['b', 's'])]).task).toBe(
      'question-answering',
    );
    expect(guessTask(undefined, hidden).task).toBe('feature-extraction');
    const columns = { text: 'a', textPair: 'b', label: 'c' };
    const look = (label: string) => ({ columns, rows: [{ line: 1, text: 'a', textPair: 'b', label }] });
    expect(guessTask(undefined, hidden, look('4.2')).task).toBe('sentence-similarity');
    expect(guessTask(undefined, hidden, look('yes')).task).toBe('feature-extraction');
    const pairs = { columns: { text: 'a', textPair: 'b' }, rows: [] };
    expect(guessTask(undefined, hidden, pairs).task).toBe('retrieval');
  });

  it('lists the tasks there are', () => {
    expect(taskNamed('text-classification').needs).toEqual(['label']);
    expect(() => taskNamed('poetry')).toThrow(/^task: expected one of text-classification, .*, found 'poetry'$/);
  });
});
