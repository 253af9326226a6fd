// How much becomes zero and by what rule, as options and as words.
import * as z from 'zod';
import { UsageError } from '../../errors.ts';
import type { Amount } from '../../math/sparsity.ts';

/** Rules by which numbers are chosen. */
export const methods = ['magnitude', 'wanda', 'sparsegpt'] as const;
export type Method = (typeof methods)[number];

export const sparsifyOptions = z.object({
  sparsity: z.number().optional().describe('share of the numbers of each weight that become zero'),
  pattern: z.string().optional().describe('N:M, at most N numbers other than zero in M neighbours along the inputs'),
  method: z.enum(methods).default('sparsegpt').describe('how the numbers are chosen'),
  head: z.boolean().default(false).describe('dense layers behind the encoder as well'),
  exclude: z.array(z.string()).default([]).describe('weights or nodes to leave as they are, as names with *'),
});

export type SparsifyOptions = z.output<typeof sparsifyOptions>;

/** Throws UsageError where the options name no amount, two, or one that cannot be. */
export function amountOf({ sparsity, pattern }: Pick<SparsifyOptions, 'sparsity' | 'pattern'>): Amount {
  if ((sparsity === undefined) === (pattern === undefined))
    throw new UsageError(`expected --sparsity or --pattern, found ${pattern === undefined ? 'neither' : 'both'}`);
  if (pattern === undefined) {
    if (!(sparsity! > 0 && sparsity! < 1))
      throw new UsageError(`--sparsity: expected a share above 0 and below 1, found ${sparsity}`);
    return { share: sparsity! };
  }
  const [, keep, of] = /^(\d+):(\d+)$/.exec(pattern)?.map(Number) ?? [];
  if (keep === undefined || of === undefined || !(keep > 0 && keep < of))
    throw new UsageError(`--pattern: expected N:M with 0 < N < M, as 2:4, found '${pattern}'`);
  return { keep, of };
}
