// Writes docs/recognised.md: what recognition finds in each graph of ../shared/zoo and ../shared/graphs (or folders given as arguments).
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { recognise } from '../src/bert/recognise.ts';
import { architectureOf, inputsOf, type Architecture } from '../src/bert/summary.ts';
import type { Recognition } from '../src/bert/types.ts';
import { readModel } from '../src/onnx/read.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const folders =
  process.argv.length > 2 ? process.argv.slice(2) : [join(root, '../shared/zoo'), join(root, '../shared/graphs')];

/** All .onnx files under a folder, sorted. */
function graphsUnder(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? graphsUnder(path) : entry.name.endsWith('.onnx') ? [path] : [];
    })
    .toSorted();
}

/** `4` where all layers agree, else one entry a layer. */
function perLayer(values: readonly (number | null)[]): string {
  const all = values.map((value) => value ?? '?');
  return new Set(all).size <= 1 ? String(all[0] ?? '–') : all.join('/');
}

function cells(found: Recognition, architecture: Architecture): string[] {
  const inputs = inputsOf(found);
  const tables = [architecture.vocabulary, architecture.positions, architecture.segments]
    .map((rows) => rows ?? '–')
    .join(' / ');
  const rest = [
    inputs.mask && `mask ${inputs.mask}`,
    inputs.segments && `segments ${inputs.segments}`,
    inputs.positions && `positions ${inputs.positions}`,
  ];
  const kinds = architecture.positionKind.filter((kind) => kind !== 'absolute');
  return [
    architecture.family + (architecture.encoders ? ` ×${architecture.encoders}` : ''),
    String(architecture.layers || '–'),
    `${architecture.hidden ?? '–'}${architecture.embedding ? ` (${architecture.embedding})` : ''}`,
    perLayer(architecture.heads) + (architecture.kvHeads ? ` (kv ${perLayer(architecture.kvHeads)})` : ''),
    perLayer(architecture.headSize),
    perLayer(architecture.ffn) + (architecture.gated ? ' gated' : ''),
    architecture.activation ?? '–',
    tables + (kinds.length > 0 ? ` ${kinds.join(', ')}` : ''),
    [inputs.ids && `ids ${inputs.ids}`, ...rest, ...inputs.others].filter(Boolean).join(', ') || '–',
    found.task ?? '–',
    [
      ...new Set(
        found.encoders.flatMap((encoder) => encoder.layers.map((layer) => layer.attention.query?.precision ?? '?')),
      ),
    ].join(', ') || '–',
    (found.encoders.length === 0
      ? found.reasons
      : found.unrecognised.map((miss) => `${miss.part}: ${miss.reason}`)
    ).join('; ') || '–',
  ];
}

function row(folder: string, path: string): string[] {
  const name = relative(folder, path).replace(/\/model\.onnx$/, '');
  const config = join(dirname(path), 'config.json');
  const hints = existsSync(config) ? (JSON.parse(readFileSync(config, 'utf8')) as { architectures?: string[] }) : {};
  try {
    const found = recognise(readModel(path), hints);
    return [name, ...cells(found, architectureOf(found))];
  } catch (error) {
    return [
      name,
      'refused',
      ...Array.from({ length: 10 }, () => '–'),
      (error as Error).message.replace(path, name).replaceAll('|', '\\|'),
    ];
  }
}

const head = [
  'graph',
  'family',
  'layers',
  'hidden',
  'heads',
  'head size',
  'FFN',
  'activation',
  'vocabulary / positions / segments',
  'inputs',
  'task',
  'weights',
  'not found, and why',
];
const sections = folders
  .filter((folder) => existsSync(folder))
  .map((folder) => {
    const rows = graphsUnder(folder).map((path) => row(folder, path));
    // pieces of graphs that onnxruntime tests its fusions on have no attention: one line says so
    const shown = rows.filter(([name, family]) => family !== 'not-a-transformer' || !name!.startsWith('ort/'));
    const dropped = rows.length - shown.length;
    const lines = [head, head.map(() => '---'), ...shown].map((line) => `| ${line.join(' | ')} |`);
    const note =
      dropped > 0 ? `\n\n${dropped} further files are pieces without attention, told apart as not-a-transformer.` : '';
    return `## ${relative(dirname(folder), folder)} (${rows.length} files)\n\n${lines.join('\n')}${note}\n`;
  });

const text = `# What is recognised

Written by \`npx tsx scripts/recognised.ts\`; \`test/real/recognised.test.ts\` checks it against each graph's \`config.json\`.
One entry where all layers agree, one a layer otherwise. Hidden in brackets: width of the token table where it is factorised. Weights: precision of the query layers.

${sections.join('\n')}`;
writeFileSync(join(root, 'docs/recognised.md'), text);
process.stdout.write(`docs/recognised.md: ${text.split('\n').length} lines\n`);
