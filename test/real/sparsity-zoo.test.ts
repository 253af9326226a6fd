// Every float encoder of the zoo made sparse by Wanda from its own activations: which weights, and that the result still loads and runs.
import { expect, it } from 'vitest';
import type { Encoding } from '../../src/data/tokenizer/tokenizer.ts';
import { ModelError } from '../../src/errors.ts';
import { fixedShape, rolesByName, type InputRoles } from '../../src/evaluate/roles.ts';
import { sparsifyOptions } from '../../src/passes/sparsify/amount.ts';
import { findSparse } from '../../src/passes/sparsify/sparsify.ts';
import { silent } from '../../src/pipeline/events.ts';
import { readKnownModel, type KnownModel } from '../../src/pipeline/known-model.ts';
import { sparsifyByLayer } from '../../src/pipeline/prune/sparsity.ts';
import { describeWith, shared, zoo } from '../support/shared.ts';

const options = sparsifyOptions.parse({ sparsity: 0.5, method: 'wanda' });
const texts = (length: number) =>
  Array.from({ length: 4 }, (_, t) => ({
    ids: Int32Array.from({ length }, (_, i) => 5 + ((i * 37 + t * 11) % 90)),
    segments: new Uint8Array(length),
  })) as unknown as Encoding[]; // only ids and segments are read

/** Two texts at once, boxes on a page: such inputs are not fed from a text, and magnitude needs none. */
function feedable({ inputs, roles }: KnownModel): InputRoles | undefined {
  try {
    const found = roles ?? rolesByName(inputs);
    return inputs.every(({ name }) => Object.values(found).includes(name)) ? found : undefined;
  } catch (error) {
    if (error instanceof ModelError) return undefined;
    throw error;
  }
}

describeWith('zoo', 'sparsity of the zoo', () => {
  it.each(zoo().filter((name) => !name.startsWith('neg-')))(
    '%s',
    async (name) => {
      const known = readKnownModel(shared(`zoo/${name}/model.onnx`));
      let count: number;
      try {
        count = findSparse(known.model, options).targets.length;
      } catch (error) {
        console.log(`${name}: refused: ${(error as Error).message.slice(0, 150)}`);
        return;
      }
      if (count === 0) return console.log(`${name}: nothing: ${findSparse(known.model, options).skipped[0]?.reason}`);
      const roles = feedable(known);
      const fixed = roles ? fixedShape(known.inputs, roles) : {};
      const feeding = roles && { inputs: known.inputs, roles, fixed, padId: 0, padSide: 'right' as const };
      const found = await sparsifyByLayer(
        known.model,
        roles ? options : { ...options, method: 'magnitude' },
        feeding && { encodings: texts(fixed.sequence ?? 12), feeding },
        { seed: 0, threads: 1 },
        silent,
      );
      expect(found.changed).toBe(true);
      console.log(
        `${name}: ${found.stats['weights']} weights, ${found.skipped.length} left${found.skipped[0] ? ` (${found.skipped[0].reason})` : ''}`,
      );
    },
    60_000,
  );
});
