// What recognition finds in every graph of ../shared/zoo, against each folder's config.json and the notes of its INDEX.tsv.
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { recognise } from '../../src/bert/recognise.ts';
import { architectureOf, inputsOf, type Architecture } from '../../src/bert/summary.ts';
import type { Recognition, Task } from '../../src/bert/types.ts';
import { readModel } from '../../src/onnx/read.ts';
import { onnxFiles, sharedFolder } from '../bert/shared-graphs.ts';

const shared = sharedFolder();
const encoders = shared
  ? onnxFiles(join(shared, 'zoo'))
      .map((path) => basename(dirname(path)))
      .filter((name) => !name.startsWith('neg-'))
  : [];

type Config = Readonly<Record<string, string | number | boolean | undefined>>;

function found(name: string, part = 'zoo', file = 'model.onnx'): Recognition {
  return recognise(readModel(join(shared ?? '', part, name, file)));
}

function configOf(name: string): Config {
  const path = join(shared ?? '', 'zoo', name, 'config.json');
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Config) : {};
}

const activations: Readonly<Record<string, string>> = { gelu_new: 'gelu_tanh', gelu_pytorch_tanh: 'gelu_tanh' };

/** What config.json says, in the terms of Architecture; what it leaves out is not compared. */
function expected(name: string, config: Config): Partial<Architecture> {
  const layers = Number(config['num_hidden_layers'] ?? config['n_layers']);
  const hidden = Number(config['hidden_size'] ?? config['dim']);
  const heads = Number(config['num_attention_heads'] ?? config['n_heads'] ?? 4) / Number(config['head_ratio'] ?? 1);
  const width =
    Number(config['intermediate_size'] ?? config['hidden_dim'] ?? 128) *
    Number(config['num_feedforward_networks'] ?? 1);
  const activation = String(config['hidden_act'] ?? config['activation'] ?? config['hidden_activation'] ?? 'gelu');
  const each = <T>(value: T): T[] => Array.from({ length: layers }, () => value);
  const size = hidden / Number(config['num_attention_heads'] ?? config['n_heads'] ?? 4);
  const base = {
    layers,
    hidden,
    activation: (activations[activation] ?? activation) as 'gelu',
    vocabulary: Number(config['vocab_size']),
  };
  // heads 3/1/4, FFN 128/80/100 (INDEX.tsv)
  if (name.startsWith('prunedheads')) return { ...base, heads: [3, 1, 4], headSize: [16, 16, 16], ffn: [128, 80, 100] };
  // each of MobileBERT's layers works on the bottleneck of half the width
  return {
    ...base,
    heads: each(heads),
    headSize: each(config['model_type'] === 'mobilebert' ? size / 2 : size),
    ffn: each(width),
  };
}

/** Architectures without a table of positions. */
const withoutPositions = /^(deberta|modernbert|nomicbert|roformer|eurobert|jinav3)/;
/** Exporters fold the table's used rows into a constant where the sequence length is fixed. */
const foldedPositions = /dynamo-18-fixed1x16/;

describe.skipIf(!shared)('every encoder of the zoo', () => {
  test('there are encoders', () => expect(encoders.length).toBeGreaterThan(85));

  test.each(encoders)('%s is described as its config.json does', (name) => {
    const result = found(name);
    const architecture = architectureOf(result);
    const config = configOf(name);
    expect(result.family).toBe('encoder');
    expect(architecture).toMatchObject(expected(name, config));
    if (withoutPositions.test(name)) expect(architecture.positions).toBeUndefined();
    else if (!foldedPositions.test(name)) expect(architecture.positions).toBe(config['max_position_embeddings']);
    if (config['type_vocab_size']) expect(architecture.segments).toBe(config['type_vocab_size']);
    expect(result.unrecognised).toEqual([]);
  });

  test.each(encoders)('%s: every layer has its dense layers, norms and a padding mask', (name) => {
    const result = found(name);
    for (const encoder of result.encoders) {
      for (const { attention, ffn, norms } of encoder.layers) {
        for (const dense of [
          attention.query,
          attention.key,
          attention.value,
          attention.output,
          ...ffn.flatMap((one) => [...one.in, one.out]),
        ]) {
          expect(dense).toBeDefined();
          // ModernBERT, NomicBERT and EuroBERT have no biases
          if (!/^(modernbert|nomicbert|eurobert|debertav?\d?-)/.test(name))
            expect(dense?.bias, `bias of ${dense?.node.name}`).toBeDefined();
        }
        expect(norms.length, 'norms').toBeGreaterThanOrEqual(name.startsWith('modernbert') ? 1 : 2);
        expect(attention.mask.kind).toBe(
          name.includes('idsonly') ? 'none' : attention.mask.kind === 'local' ? 'local' : 'padding',
        );
      }
      expect(encoder.layers.every((layer) => layer.norms.every((norm) => norm.gamma !== undefined))).toBe(true);
    }
  });

  test.each(encoders)('%s: inputs by meaning', (name) => {
    const inputs = inputsOf(found(name));
    const names = readModel(join(shared ?? '', 'zoo', name, 'model.onnx')).graph.inputs.map((input) => input.name);
    expect(inputs.ids).toMatch(/input_ids/);
    if (names.some((input) => input.includes('mask'))) expect(inputs.mask).toMatch(/mask/);
    if (names.some((input) => /token_type|segment/.test(input))) expect(inputs.segments).toMatch(/token_type|segment/);
  });

  test.each([
    ['seqcls', 'text-classification'],
    ['tokcls', 'token-classification'],
    ['-qa-', 'question-answering'],
    ['-mlm-', 'fill-mask'],
    ['-base-', 'feature-extraction'],
    ['sentemb', 'sentence-similarity'],
    ['biencoder', 'sentence-similarity'],
  ] satisfies [string, Task][])('graphs named %s are for %s', (part, task) => {
    for (const name of encoders.filter((one) => one.includes(part))) expect(found(name).task, name).toBe(task);
  });
});

describe.skipIf(!shared)('single graphs', () => {
  test('local attention of ModernBERT', () => {
    const kinds = found('modernbert-seqcls-ts-17-eager').encoders[0]?.layers.map((layer) => layer.attention.mask.kind);
    expect(kinds).toEqual(['padding', 'local', 'local', 'padding']);
  });

  test('grouped heads of EuroBERT', () => {
    expect(architectureOf(found('eurobert-seqcls-ts-17-eager'))).toMatchObject({
      kvHeads: [2, 2],
      gated: true,
      normOrder: 'pre',
      positionKind: ['rotary'],
    });
  });

  test('two encoders with one set of weights', () => {
    const { encoders: towers } = found('biencoder-pair-ts-17-eager');
    expect(towers.map((tower) => [tower.inputs.ids, tower.inputs.mask])).toEqual([
      ['query_input_ids', 'query_attention_mask'],
      ['doc_input_ids', 'doc_attention_mask'],
    ]);
    expect(towers[1]?.layers[0]?.attention.query?.weight.name).toBe(towers[0]?.layers[0]?.attention.query?.weight.name);
  });

  test('shared layers of ALBERT', () => {
    const [encoder] = found('albert-seqcls-ts-17-eager').encoders;
    expect(new Set(encoder?.layers.map((layer) => layer.attention.query?.weight.name)).size).toBe(1);
    expect(encoder?.layers[0]?.attention.query?.weight.readers).toBe(3);
    expect(encoder?.projection?.outFeatures).toBe(64);
  });

  test('the bottlenecks of MobileBERT and the convolutions of ConvBERT', () => {
    expect(found('mobilebert-seqcls-ts-17-eager').encoders[0]?.layers.map((layer) => layer.others.length)).toEqual([
      3, 3,
    ]);
    expect(found('convbert-seqcls-ts-17-eager').encoders[0]?.layers.map((layer) => layer.others.length)).toEqual([
      4, 4,
    ]);
  });

  test.each([
    ['bert-seqcls-ortdynq-17', 'int8', 'dynamic'],
    ['bert-seqcls-ortqdq-17', 'int8', 'static'],
    ['bert-seqcls-ortqop-17', 'int8', 'static'],
    ['bert-seqcls-ortfp16-17', 'float16', undefined],
  ])('%s is told to be %s', (name, precision, quantized) => {
    for (const layer of found(name).encoders[0]!.layers) {
      expect(layer.attention.query).toMatchObject({ precision });
      expect(layer.ffn[0]!.out.quantized).toBe(quantized);
    }
  });

  test.each([
    ['neg-gpt2-ts-17', 'decoder'],
    ['neg-lstm-ts-14', 'not-a-transformer'],
    ['neg-mlp-ts-17', 'not-a-transformer'],
    ['neg-resnet-ts-17', 'not-a-transformer'],
    ['neg-customop', 'encoder'],
    ['neg-nanweights', 'encoder'],
  ])('%s is %s', (name, family) => {
    const result = found(name);
    expect(result.family).toBe(family);
    expect(result.reasons.length).toBeGreaterThan(0);
  });

  test('TensorFlow and other exporters', () => {
    const tf = architectureOf(found('transformers-models', 'graphs/ort', 'TFBertForQuestionAnswering.onnx'));
    expect(tf).toMatchObject({ layers: 24, hidden: 8, vocabulary: 20, positions: 10, segments: 2, activation: 'gelu' });
    expect(new Set(tf.heads)).toEqual(new Set([2]));
    expect(architectureOf(found('mlcommons-tiny-xlmr-ce', 'graphs'))).toMatchObject({
      layers: 2,
      hidden: 32,
      vocabulary: 100,
      positions: 64,
      segments: 1,
    });
    expect(architectureOf(found('optimum-distilbert-tiny', 'graphs'))).toMatchObject({
      layers: 2,
      hidden: 2,
      vocabulary: 30522,
      positions: 512,
    });
    expect(architectureOf(found('ort', 'graphs', 'bert_toy_optimized.a.onnx'))).toMatchObject({
      layers: 5,
      hidden: 32,
      vocabulary: 99,
      segments: 16,
    });
  });

  test('nothing is thrown on any readable graph', () => {
    for (const path of onnxFiles(join(shared ?? '', 'graphs')))
      expect(recognise(readModel(path)).family, path).toBeDefined();
  });
});
