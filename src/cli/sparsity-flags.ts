// Flags of zeros in weights, which stay in the graph: unstructured and N:M sparsity.
import { Flags } from '@oclif/core';
import { decimal } from './training-flags.ts';

const helpGroup = 'SPARSITY';

export const sparsityFlags = {
  sparsity: decimal({
    description: 'share of the numbers of each attention and feed-forward weight that become zero',
    helpValue: '0.8',
    exclusive: ['pattern'],
    helpGroup,
  }),
  pattern: Flags.string({
    description: 'at most N numbers other than zero in M neighbours along the inputs',
    helpValue: '2:4',
    helpGroup,
  }),
  'sparsity-by': Flags.string({
    description: 'how zeros are chosen; default sparsegpt with --data, else magnitude',
    options: ['magnitude', 'wanda', 'sparsegpt'],
    helpGroup,
  }),
  gradual: Flags.boolean({
    description: 'zeros come during healing, the smallest first, on a cubic schedule',
    helpGroup,
  }),
  'sparse-head': Flags.boolean({ description: 'dense layers behind the encoder as well', helpGroup }),
  'keep-dense': Flags.string({
    description: 'leave these weights or nodes as they are; a name with *, repeatable',
    multiple: true,
    multipleNonGreedy: true,
    helpGroup,
  }),
};
