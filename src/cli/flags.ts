// Flags that several commands have, and their way to the library's options.
import { Flags } from '@oclif/core';

/** Of every command that runs models. */
export const runFlags = {
  seed: Flags.integer({ description: 'seed of everything random', default: 0, helpGroup: 'COMMON' }),
  threads: Flags.integer({ description: 'threads of onnxruntime; default all cores', min: 1, helpGroup: 'COMMON' }),
  ep: Flags.string({
    description: 'execution provider of onnxruntime',
    options: ['cpu', 'cuda', 'coreml', 'dml', 'webgpu'],
    helpGroup: 'COMMON',
  }),
  quiet: Flags.boolean({ char: 'q', description: 'no progress and no table, errors only', helpGroup: 'COMMON' }),
  report: Flags.string({
    description: 'write the report to FILE.json, .md, .xml (JUnit) or .html, repeatable',
    multiple: true,
    multipleNonGreedy: true,
    helpGroup: 'COMMON',
  }),
};

/** Of every command that measures on labelled rows. */
export const dataFlags = {
  data: Flags.string({
    description: 'labelled rows: TSV, CSV, JSON, JSONL, Parquet, CoNLL, SQuAD JSON; gzip of these',
    helpGroup: 'MEASURING',
  }),
  text: Flags.string({ description: 'column of the text; default guessed from the header', helpGroup: 'MEASURING' }),
  'text-pair': Flags.string({ description: 'column of the second text', helpGroup: 'MEASURING' }),
  label: Flags.string({ description: 'column of the label, score, tags or answers', helpGroup: 'MEASURING' }),
  split: Flags.string({ description: 'which list of a JSON file that holds several', helpGroup: 'MEASURING' }),
  task: Flags.string({
    description: 'what the model is for; default guessed from config, outputs and data',
    options: [
      'text-classification',
      'token-classification',
      'sentence-similarity',
      'question-answering',
      'fill-mask',
      'retrieval',
      'feature-extraction',
    ],
    helpGroup: 'MEASURING',
  }),
  head: Flags.string({
    description: 'which head of a model that was trained for several tasks; or the name of an output',
    helpValue: 'NAME',
    helpGroup: 'MEASURING',
  }),
  samples: Flags.integer({
    description: 'measure this many rows, chosen with the seed; default all',
    min: 1,
    helpGroup: 'MEASURING',
  }),
  pooling: Flags.string({
    description: "from tokens to a text's embedding; default as the model folder says, else mean",
    options: ['mean', 'cls', 'given'],
    helpGroup: 'MEASURING',
  }),
  'max-length': Flags.integer({ description: 'most tokens of a text', min: 2, helpGroup: 'MEASURING' }),
  batch: Flags.integer({
    description: 'rows at once',
    min: 1,
    defaultHelp: async () => '32',
    helpGroup: 'MEASURING',
  }),
  'show-changed': Flags.integer({
    description: 'list this many of the examples that got worst',
    min: 1,
    helpGroup: 'MEASURING',
  }),
  'cross-validate': Flags.integer({
    description: 'spread of the metric over this many folds of the rows',
    min: 2,
    helpGroup: 'MEASURING',
  }),
  'emulate-saturation': Flags.boolean({
    description: 'also score as a CPU without VNNI would, whose u8 x s8 products saturate',
    helpGroup: 'MEASURING',
  }),
  bench: Flags.boolean({
    description: 'measure latency; --no-bench skips it',
    allowNo: true,
    default: true,
    helpGroup: 'MEASURING',
  }),
};

/** Gates: what a model may cost. */
export const gateFlags = {
  'max-drop': Flags.string({
    description: 'gate: most that the metric may lose, 1% of it or 0.5pt',
    helpGroup: 'GATES',
  }),
  'min-speedup': Flags.string({ description: 'gate: least speedup at every shape, 1.2x', helpGroup: 'GATES' }),
  'max-size': Flags.string({ description: 'gate: most bytes, 30MB', helpGroup: 'GATES' }),
};

/** Gates against the model accepted last. */
export const baselineFlags = {
  baseline: Flags.string({
    description: 'gate: also hold the model against the one accepted last, whose figures this file has',
    helpValue: 'FILE',
    helpGroup: 'GATES',
  }),
  'update-baseline': Flags.boolean({
    description: "write the model's figures into --baseline where every gate holds",
    dependsOn: ['baseline'],
    helpGroup: 'GATES',
  }),
};

/** Flags by the library's names: kebab-case to camelCase, without those that only the command line has. */
export function optionsOf(flags: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { report: _report, quiet: _quiet, json: _json, ...rest } = flags;
  const camel = (name: string): string => name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(rest).map(([name, value]) => [camel(name), value]));
}
