// config.json of a trained model: the architecture, labels and problem type of its head.
import type { FitTask } from '../../objectives/fit-task.ts';

/** Last part of transformers' class names by task. */
const classes: Readonly<Record<FitTask, string>> = {
  'text-classification': 'ForSequenceClassification',
  'multi-label-classification': 'ForSequenceClassification',
  regression: 'ForSequenceClassification',
  'token-classification': 'ForTokenClassification',
  'sentence-similarity': 'Model',
  'fill-mask': 'ForMaskedLM',
};

/** `problem_type` by task. */
export const problems: Readonly<Partial<Record<FitTask, string>>> = {
  'text-classification': 'single_label_classification',
  'multi-label-classification': 'multi_label_classification',
  regression: 'regression',
};

/** First part of transformers' class names by model_type, where that is not its first letter as a capital. */
const families: Readonly<Record<string, string>> = {
  distilbert: 'DistilBert',
  roberta: 'Roberta',
  'xlm-roberta': 'XLMRoberta',
  mpnet: 'MPNet',
  deberta: 'Deberta',
  'deberta-v2': 'DebertaV2',
  mobilebert: 'MobileBert',
  modernbert: 'ModernBert',
  squeezebert: 'SqueezeBert',
  convbert: 'ConvBert',
  camembert: 'Camembert',
};

/** A head of several, by the name of its task. */
export interface NamedHead {
  readonly name: string;
  readonly task: FitTask;
  readonly output: string;
  readonly labels: readonly string[];
}

/**
 * The input's config for several heads: that of the encoder, with `task_heads`, in which each head has its output's name and
 * the fields that other configs have for their only one. Of labels that all share there are none.
 */
export function configWithHeads(
  config: Readonly<Record<string, unknown>>,
  heads: readonly NamedHead[],
): Record<string, unknown> {
  const {
    id2label: _names,
    label2id: _ids,
    num_labels: _count,
    ...rest
  } = configWith(config, 'sentence-similarity', []);
  const entries = heads.map(({ name, task, output, labels }) => {
    const { architectures, id2label, label2id, num_labels, problem_type } = configWith(config, task, labels);
    return [name, { output, architectures, id2label, label2id, num_labels, problem_type }];
  });
  return { ...rest, task_heads: Object.fromEntries(entries) };
}

/** The input's config with what a head of these labels changes; a config without a model type is taken for BERT's. */
export function configWith(
  config: Readonly<Record<string, unknown>>,
  task: FitTask,
  labels: readonly string[],
): Record<string, unknown> {
  const type = typeof config['model_type'] === 'string' ? config['model_type'] : 'bert';
  const [first] = Array.isArray(config['architectures']) ? config['architectures'].map(String) : [];
  const family =
    first?.replace(/(Model|For[A-Z]\w*)$/, '') || families[type] || type.replace(/^./, (c) => c.toUpperCase());
  const { problem_type: _problem, task_heads: _heads, ...rest } = config;
  const problem = problems[task];
  return {
    ...rest,
    model_type: type,
    architectures: [`${family}${classes[task]}`],
    ...(labels.length === 0
      ? {}
      : {
          id2label: Object.fromEntries(labels.map((name, id) => [id, name])),
          label2id: Object.fromEntries(labels.map((name, id) => [name, id])),
          num_labels: labels.length,
        }),
    ...(problem === undefined ? {} : { problem_type: problem }),
  };
}
