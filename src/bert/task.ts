// The task a graph was made for, from its outputs; config.json decides where the outputs leave it open.
import type { Head, Task } from './types.ts';

/** Last words of a transformers class name, as config.json's `architectures` has them. */
const byClass: readonly { readonly ends: RegExp; readonly task: Task }[] = [
  { ends: /ForSequenceClassification$/, task: 'text-classification' },
  { ends: /ForTokenClassification$/, task: 'token-classification' },
  { ends: /ForQuestionAnswering$/, task: 'question-answering' },
  { ends: /For(Masked|Pre)\w*$/, task: 'fill-mask' },
  { ends: /ForMultipleChoice$/, task: 'multiple-choice' },
  { ends: /Model$/, task: 'feature-extraction' },
];

/** Task of a head, or undefined where no output says it. */
export function taskOf(head: Head, architectures: readonly string[] = []): Task | undefined {
  const kinds = new Set(head.outputs.map((output) => output.kind));
  const named = byClass.find((entry) => architectures.some((name) => entry.ends.test(name)))?.task;
  if (kinds.has('vocabulary-logits')) return 'fill-mask';
  if (kinds.has('span-logits')) return 'question-answering';
  if (kinds.has('token-logits')) return 'token-classification';
  if (kinds.has('logits')) return named === 'multiple-choice' ? named : 'text-classification';
  if (kinds.has('sentence')) return 'sentence-similarity';
  if (kinds.has('hidden') || kinds.has('pooled')) return 'feature-extraction';
  return named;
}
