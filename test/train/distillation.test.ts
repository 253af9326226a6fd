// Terms of distillation against numpy's values (make-distillation-vectors.py), and their gradients against differences.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { differentiate } from '../../src/autodiff/differentiate.ts';
import { Builder } from '../../src/ir/builder.ts';
import type { HostTensor } from '../../src/ir/host-tensor.ts';
import { floats } from '../../src/ir/tensor.ts';
import { appendDistillation, maskInput, type Match, type Mixed, type Term } from '../../src/train/distillation.ts';
import { piecesOf } from '../../src/train/pieces.ts';
import { emptyModel, float32, int64, openModel } from './support.ts';

interface Shaped {
  readonly dims: number[];
  readonly data: number[];
}
const vectors: {
  mask: number[];
  projection: number[];
  inputs: Record<'classes' | 'tokens' | 'positions' | 'hidden' | 'scores' | 'values' | 'vectors', [Shaped, Shaped]>;
  second: Record<'classes' | 'tokens' | 'positions' | 'vectors', Shaped>;
  cases: Record<string, number>;
} = JSON.parse(readFileSync(new URL('distillation-vectors.json', import.meta.url), 'utf8'));

const weight = 1;
const match = (values: keyof typeof vectors.inputs): Match => ({
  student: `${values}_student`,
  teacher: { name: `${values}_teacher`, dtype: 'float32', shape: vectors.inputs[values][1].dims },
});
const mixed = (values: keyof typeof vectors.inputs): Mixed => ({
  student: `${values}_student`,
  teachers: [{ teacher: match(values).teacher, weight: 1 }],
});
/** With a second teacher of three times the weight. */
function two(values: keyof typeof vectors.second): Mixed {
  const { dims: shape } = vectors.second[values];
  const teacher = { name: `${values}_second`, dtype: 'float32', shape } as const;
  const [first] = mixed(values).teachers;
  const projection = values === 'vectors' ? { projection: 'projection' } : {};
  return { student: `${values}_student`, teachers: [{ ...first!, weight: 0.25 }, { teacher, weight: 0.75, ...projection }] }; // prettier-ignore
}
const soft = (form: Extract<Term, { kind: 'soft' }>['form'], values: keyof typeof vectors.inputs): Term => ({
  kind: 'soft',
  form,
  weight,
  temperature: 2,
  matches: [mixed(values)],
});
const terms: Record<string, Term> = {
  classes: soft('classes', 'classes'),
  binary: soft('binary', 'classes'),
  numbers: soft('numbers', 'classes'),
  tokens: soft('tokens', 'tokens'),
  positions: soft('positions', 'positions'),
  hidden: { kind: 'hidden', weight, matches: [{ ...match('hidden'), projection: 'projection' }] },
  scores: { kind: 'scores', weight, matches: [match('scores')] },
  attention: { kind: 'attention', weight, matches: [match('scores')] },
  relation: { kind: 'relation', weight, matches: [{ ...match('values'), sizes: [3, 4] }] },
  cosine: { kind: 'embedding', form: 'cosine', weight, pool: (_, value) => value, matches: [mixed('vectors')] },
  mse: { kind: 'embedding', form: 'mse', weight, pool: (_, value) => value, matches: [mixed('vectors')] },
};

for (const [form, values] of [
  ['classes', 'classes'],
  ['binary', 'classes'],
  ['numbers', 'classes'],
  ['tokens', 'tokens'],
  ['positions', 'positions'],
] as const)
  terms[`${form} of two`] = { kind: 'soft', form, weight, temperature: 2, matches: [two(values)] };
for (const form of ['cosine', 'mse'] as const)
  terms[`${form} of two`] = { kind: 'embedding', form, weight, pool: (_, value) => value, matches: [two('vectors')] };

/** A graph that is nothing but the loss; the student's values are inputs. */
function lossModel(chosen: readonly Term[], opset: number) {
  const model = emptyModel(opset);
  model.graph.initializers.set('projection', floats([5, 6], vectors.projection));
  const builder = new Builder(model.graph, opset, 'loss');
  const { loss, inputs, shares = [] } = appendDistillation(builder, chosen);
  model.graph.nodes = builder.nodes;
  const students = chosen.flatMap((term) =>
    term.kind === 'hard' || term.kind === 'penalty' ? [] : term.matches.map(({ student }) => student),
  );
  const names = new Set(students);
  const scalars = shares.map(({ input }) => ({ name: input, dtype: 'float32' as const, shape: [] }));
  model.graph.inputs = [...inputs, ...scalars, ...[...names].map((name) => ({ name, dtype: 'float32' as const, shape: feeds[name]!.dims }))]; // prettier-ignore
  model.graph.outputs = [{ name: loss, dtype: 'float32', shape: [] }];
  return { model, loss, shares, students: [...names] };
}

const feeds: Record<string, HostTensor> = { [maskInput]: int64([2, 4], vectors.mask) };
for (const [name, [student, teacher]] of Object.entries(vectors.inputs)) {
  feeds[`${name}_student`] = float32(student.dims, student.data);
  feeds[`${name}_teacher`] = float32(teacher.dims, teacher.data);
}
for (const [name, { dims, data }] of Object.entries(vectors.second)) feeds[`${name}_second`] = float32(dims, data);

async function run(model: Parameters<typeof openModel>[0], changed: Record<string, HostTensor> = {}) {
  const session = await openModel(model);
  try {
    // what is not fed is the share of a whole batch
    const wanted = session.inputs.map(({ name }) => [name, changed[name] ?? feeds[name] ?? float32([], [1])] as const);
    return await session.run(Object.fromEntries(wanted));
  } finally {
    await session.release();
  }
}

describe.each([12, 17, 18])('terms at opset %i', (opset) => {
  it.each(Object.entries(vectors.cases))('%s', async (name, expected) => {
    const { model, loss } = lossModel([terms[name]!], opset);
    expect(Number((await run(model))[loss]!.data[0])).toBeCloseTo(expected, 5);
  });
});

describe('a batch in pieces', () => {
  it.each(Object.entries(vectors.cases))('adds up to the mean of the whole: %s', async (name, expected) => {
    const { model, loss, shares } = lossModel([terms[name]!], 17);
    const given = Object.fromEntries(Object.keys(feeds).map((input) => [input, feeds[input]!]));
    const pieces = piecesOf({ feeds: given, rows: 2 }, shares, 2);
    expect(pieces.map(({ rows }) => rows)).toEqual([1, 1]);
    let sum = 0;
    for (const piece of pieces)
      sum += Number((await run(open(model), { ...piece.feeds, ...piece.shares }))[loss]!.data[0]);
    expect(sum).toBeCloseTo(expected, 5);
  });

  it('is not cut where a term cannot say what it is a mean over', () => {
    const hard: Term = { kind: 'hard', weight, append: () => ({ loss: 'classes_student', inputs: [] }) };
    expect(appendDistillation(new Builder(emptyModel().graph, 17, 'loss'), [terms['classes']!, hard]).shares).toEqual(
      [],
    );
  });
});

/** The same graph for any number of rows. */
function open(model: ReturnType<typeof lossModel>['model']): typeof model {
  const { graph } = model;
  const inputs = graph.inputs.map(({ shape, ...input }) => ({
    ...input,
    shape: shape!.map((size, i) => (i === 0 ? null : size)),
  }));
  return { ...model, graph: { ...graph, inputs } };
}

describe('appendDistillation', () => {
  it('weighs the terms and tells each by itself', async () => {
    const both = [
      { ...terms['classes']!, weight: 0.5 },
      { ...terms['hidden']!, weight: 3 },
    ];
    const { model, loss } = lossModel(both, 17);
    const expected = 0.5 * vectors.cases['classes']! + 3 * vectors.cases['hidden']!;
    expect(Number((await run(model))[loss]!.data[0])).toBeCloseTo(expected, 5);
    const parts = appendDistillation(new Builder(emptyModel().graph, 17, 'loss'), both).parts;
    expect(Object.keys(parts!)).toEqual(['soft', 'hidden']);
  });

  it('has gradients that agree with differences, masked places left at zero', async () => {
    const chosen = Object.values(terms);
    const { model, loss, students } = lossModel(chosen, 17);
    const { model: both, gradients } = differentiate(model, { loss, of: students });
    const outputs = await run(both);
    const step = 1e-2;
    for (const student of students) {
      const gradient = gradients.get(student)!;
      if (gradient.kind !== 'dense') throw new Error('expected a dense gradient');
      const values = outputs[gradient.output]!.data as Float32Array;
      const at = values.reduce((best, x, i) => (Math.abs(x) > Math.abs(values[best]!) ? i : best), 0);
      const moved = async (by: number): Promise<number> => {
        const { dims, data } = feeds[student]!;
        const there = Array.from(data as Float32Array, (x, i) => (i === at ? x + by : x));
        return Number((await run(model, { [student]: float32([...dims], there) }))[loss]!.data[0]);
      };
      const difference = ((await moved(step)) - (await moved(-step))) / (2 * step);
      expect(difference, student).toBeCloseTo(values[at]!, 2);
      if (student === 'hidden_student')
        expect(Array.from(values.slice(-10))).toEqual(Array.from({ length: 10 }, () => 0));
    }
  });
});
