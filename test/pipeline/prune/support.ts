// Rows and sessions for the tests of pruning: a tiny BERT, token ids by formula.
import { fixedShape, type InputRoles } from '../../../src/evaluate/roles.ts';
import { recognise } from '../../../src/bert/recognise.ts';
import type { Model } from '../../../src/ir/graph.ts';
import type { Feeding } from '../../../src/objectives/batch-source.ts';
import type { Sample } from '../../../src/objectives/goal.ts';
import type { WithSession } from '../../../src/pipeline/prune/gradients.ts';
import { Scratch } from '../../../src/pipeline/learn/training.ts';
import { blocksOf, type Block } from '../../../src/passes/structure/blocks.ts';
import { sitesOf, type Site } from '../../../src/passes/prune/sites.ts';

const roles: InputRoles = { ids: 'input_ids', mask: 'attention_mask', segments: 'token_type_ids' };

export function feedingOf(model: Model): Feeding {
  const inputs = model.graph.inputs.map(({ name, shape = [] }) => ({ name, dtype: 'int64' as const, shape }));
  return { inputs, roles, fixed: fixedShape(inputs, roles), padId: 0, padSide: 'right' };
}

/** Sequences of 3 to 9 tokens; the target is the row's number modulo 3. */
export function samplesOf(count: number): Sample<number>[] {
  return Array.from({ length: count }, (_, row) => {
    const length = 3 + ((row * 5) % 7);
    const ids = Int32Array.from({ length }, (_, i) => 1 + ((row * 31 + i * 17 + row * i) % 100));
    return { sequences: [{ ids, segments: new Uint8Array(length) }], target: row % 3 };
  });
}

export function partsOf(model: Model): { blocks: Block[]; sites: Site[] } {
  const blocks = blocksOf(model, recognise(model));
  return { blocks, sites: sitesOf(model, blocks) };
}

/** Use sessions and throw what was written away. */
export async function withSessions<T>(use: (open: WithSession) => Promise<T>): Promise<T> {
  const scratch = new Scratch();
  try {
    return await use((model, name, run) => scratch.with(model, name, { threads: 1 }, run));
  } finally {
    scratch.dispose();
  }
}
