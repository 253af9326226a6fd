// The reports against the published JSON Schema, read by a validator of its own.
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { candidatesOf, reportSchema } from '../../src/report/schema.ts';
import { benchReport, quantizeReport, samples, validateReport } from './samples.ts';

const validate = new Ajv2020({ strict: true, allErrors: true }).compile(z.toJSONSchema(reportSchema));

it.each(Object.entries(samples))('%s is valid', (_, report) => {
  expect(validate(JSON.parse(JSON.stringify(report))), JSON.stringify(validate.errors)).toBe(true);
  expect(reportSchema.safeParse(report).success).toBe(true);
});

it.each([
  ['a verdict that is none', { verdict: 'maybe' }],
  ['a hash that is none', { input: { ...quantizeReport.input, sha256: 'abc' } }],
  ['another version', { schema: 'bert-compress/report/2' }],
  ['a check without a verdict', { checks: [{ gate: 'max-size', expected: 'at most 1 B', found: '2 B' }] }],
  ['half an interval', { accuracy: { ...quantizeReport.accuracy, ci95: [0] } }],
])('%s is not valid', (_, change) => {
  expect(validate({ ...quantizeReport, ...change })).toBe(false);
});

describe('candidatesOf', () => {
  it('is the output of a command that makes a model, and the list of others', () => {
    expect(candidatesOf(quantizeReport).map(({ output, checks }) => [output, checks?.length])).toEqual([
      [quantizeReport.output, 2],
    ]);
    expect(candidatesOf(validateReport)).toBe(validateReport.candidates);
    expect(candidatesOf(benchReport)).toHaveLength(1);
  });
});
