// How figures and strings are written.
import { describe, expect, it } from 'vitest';
import {
  bytes,
  metricChange,
  metricName,
  metricValue,
  ms,
  rate,
  signedPoints,
  whole,
} from '../../src/report/figures.ts';
import { cutEnd, cutMiddle, oneLine, shortNames, width, wrap } from '../../src/report/strings.ts';

describe('metrics', () => {
  it.each([
    ['accuracy', 0.885321, '88.53 %'],
    ['mcc', -0.00001, '0.00 %'],
    ['recall@10', 1, '100.00 %'],
    ['pseudoPerplexity', 8.254, '8.25'],
    ['perplexity', 12345.6, '12346'],
    ['crossEntropy', 0.0312, '0.0312'],
    ['loss', 3.2e-7, '3.20e-7'],
    ['sqnrDb', 23.5, '23.50'],
  ])('%s %d is shown as %s', (name, value, text) => {
    expect(metricValue(name, value)).toBe(text);
  });

  it('changes are points of a fraction, and plain where the metric is plain', () => {
    expect(metricChange('accuracy', 0.0115)).toBe('+1.15 points');
    expect(metricChange('pseudoPerplexity', -0.5)).toBe('-0.50');
    expect(signedPoints(0.00001)).toBe('0.00');
    expect(signedPoints(-0.00001)).toBe('0.00');
  });

  it.each([
    ['macroRecall', 'macro recall'],
    ['macroF1', 'macro F1'],
    ['exactMatch', 'exact match'],
    ['mcc', 'MCC'],
    ['macroAuroc', 'macro AUROC'],
    ['recall@10', 'recall@10'],
    ['nDCG@10', 'nDCG@10'],
    ['pseudoPerplexity', 'pseudo-perplexity'],
  ])('%s is called %s', (key, name) => {
    expect(metricName(key)).toBe(name);
  });
});

it('sizes, times, rates and counts', () => {
  expect([999, 1000, 23_190_112, 5.1e9].map(bytes)).toEqual(['999 B', '1.0 kB', '23.19 MB', '5.10 GB']);
  expect([0.5, 9.29, 1580.2].map(ms)).toEqual(['0.50 ms', '9.29 ms', '1580 ms']);
  expect([1234.4, 99.94, 2.6667].map(rate)).toEqual(['1234', '99.9', '2.67']);
  expect([12, 1234, 1_234_567].map(whole)).toEqual(['12', '1,234', '1,234,567']);
});

describe('strings', () => {
  // what string-width 8 gives, which follows Unicode TR 11
  it.each([
    ['plain', 5],
    ['', 0],
    ['é', 1],
    ['e\u0301', 1],
    ['漢字', 4],
    ['ｆｕ', 4],
    ['한글', 4],
    ['カナ', 4],
    ['👩‍👩‍👧', 2],
    ['🙂', 2],
    ['…', 1],
    ['█▌', 2],
    ['Привет', 6],
  ])('%s is %i columns wide', (text, columns) => {
    expect(width(text)).toBe(columns);
  });

  it('oneLine drops controls and marks of direction', () => {
    expect(oneLine('a\u001b[31mb\u0007\r\n\tc\u202ed\u0000')).toBe('a [31mb c d');
    expect(oneLine('x\ud800y\uffffz')).toBe('x\ufffdy\ufffdz');
    expect(oneLine('pair \ud83d\ude42 stays')).toBe('pair 🙂 stays');
  });

  it('cuts at the end and in the middle, by columns', () => {
    expect(cutEnd('abcdef', 6)).toBe('abcdef');
    expect(cutEnd('abcdef', 4)).toBe('abc…');
    expect(cutEnd('漢字漢字', 6)).toBe('漢字…');
    expect(cutMiddle('models/minilm/onnx/model.onnx', 16)).toBe('models…odel.onnx');
    expect(width(cutMiddle('漢字漢字漢字漢字', 9))).toBeLessThanOrEqual(9);
  });

  it('wraps at spaces and leaves long words whole', () => {
    expect(wrap('aa bb cc', 5)).toEqual(['aa bb', 'cc']);
    expect(wrap('a verylongword b', 6)).toEqual(['a', 'verylongword', 'b']);
  });

  it.each([
    [
      ['m/model.onnx', 'm/model_fp16.onnx'],
      ['model.onnx', 'model_fp16.onnx'],
    ],
    [
      ['a/onnx/model.onnx', 'b/onnx/model.onnx'],
      ['a', 'b'],
    ],
    // one is the end of the other
    [
      ['onnx/model.onnx', 'b/onnx/model.onnx'],
      ['onnx', 'b'],
    ],
    // the same file twice cannot be told apart
    [
      ['a/m.onnx', 'a/m.onnx'],
      ['a/m.onnx', 'a/m.onnx'],
    ],
    [
      ['C:\\x\\m.onnx', 'C:\\y\\m.onnx'],
      ['x', 'y'],
    ],
  ])('short names of %j', (paths, names) => {
    expect(shortNames(paths)).toEqual(names);
  });
});
