// Flags of `prune` for the vocabulary: a corpus, and what stays beyond it.
import { Flags } from '@oclif/core';

const VOCABULARY = 'VOCABULARY';

export const vocabularyFlags = {
  vocabulary: Flags.string({
    description: 'texts whose tokens stay, others go: a text a line, or any format of --data; repeatable',
    helpValue: 'FILE',
    multiple: true,
    multipleNonGreedy: true,
    helpGroup: VOCABULARY,
  }),
  'keep-tokens': Flags.string({
    description: 'tokens that stay as well: a file with one a line, or tokens with commas between',
    helpValue: 'FILE|tok,…',
    dependsOn: ['vocabulary'],
    helpGroup: VOCABULARY,
  }),
  characters: Flags.string({
    description: 'single characters that stay: all, so that every text has tokens, or those of the corpus',
    options: ['all', 'corpus'],
    defaultHelp: async () => 'all',
    dependsOn: ['vocabulary'],
    helpGroup: VOCABULARY,
  }),
  'min-count': Flags.integer({
    description: 'tokens that come less often in the corpus go too, and their words are split into smaller ones',
    min: 1,
    defaultHelp: async () => '1',
    dependsOn: ['vocabulary'],
    helpGroup: VOCABULARY,
  }),
};
