// config.json of a trained model: the architecture, labels and problem type of its head.
import type { FitTask } from '../objectives/fit-task.ts';

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
  const { problem_type: _problem, ...rest } = config;
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
