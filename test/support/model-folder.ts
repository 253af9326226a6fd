// A model folder as users have it: tokenizer, config, a BERT of random weights, and rows labelled by what it says itself.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeModel } from '../../src/onnx/write.ts';
import { buildBert, tinyShape, type BertShape } from './bert.ts';
import { tempDir } from './temp.ts';

const tiny = fileURLToPath(new URL('tiny', import.meta.url));
const words = 'the a good bad movie was very not it dance and of child man'.split(' ');

/** Labels of the folder's config. */
export const labels = ['negative', 'neutral', 'positive'];

/** Make the folder; gives its path. */
export function modelFolder(shape: Partial<BertShape> = {}, externalData = false): string {
  const folder = tempDir();
  mkdirSync(join(folder, 'onnx'));
  copyFileSync(join(tiny, 'tokenizer.json'), join(folder, 'tokenizer.json'));
  copyFileSync(join(tiny, 'tokenizer_config.json'), join(folder, 'tokenizer_config.json'));
  const vocabulary: unknown = JSON.parse(readFileSync(join(tiny, 'tokenizer.json'), 'utf8'));
  const size = Object.keys((vocabulary as { model: { vocab: object } }).model.vocab).length;
  const config = {
    architectures: ['BertForSequenceClassification'],
    model_type: 'bert',
    max_position_embeddings: tinyShape.positions,
    id2label: { ...labels },
  };
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  writeModel(buildBert({ ...tinyShape, hidden: 32, vocabulary: size, ...shape }), join(folder, 'onnx/model.onnx'), {
    externalData,
  });
  return folder;
}

/** Write `count` rows as TSV with a header; labels go round unless `label` gives them. */
export function writeRows(folder: string, count = 60, label: (i: number) => string = (i) => labels[i % 3]!): string {
  const path = join(folder, 'dev.tsv');
  const text = (i: number): string =>
    Array.from({ length: 2 + (i % 6) }, (_, j) => words[(i * 5 + j * 3) % words.length]).join(' ');
  writeFileSync(
    path,
    ['text\tlabel', ...Array.from({ length: count }, (_, i) => `${text(i)}\t${label(i)}`), ''].join('\n'),
  );
  return path;
}
