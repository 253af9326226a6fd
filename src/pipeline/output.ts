// Where a compressed model goes, and how it gets there: written in a temporary folder beside its place, judged, then renamed.
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync } from 'node:fs';
import { rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { UsageError } from '../errors.ts';
import type { ModelPath } from '../model-path.ts';

/** File name endings by precision, as transformers.js looks for them (`dtype`). */
export const suffixes = { int8: '_quantized', uint8: '_uint8', fp16: '_fp16', fp32: '' } as const;
export type Precision = keyof typeof suffixes;

export interface OutputPlan {
  /** Final path of the .onnx file. */
  readonly path: string;
  /** The model folder that it is part of, where one is made. */
  readonly folder?: string | undefined;
  /** Files copied beside it, source to target: configuration and tokenizer of a complete model folder. */
  readonly copies: readonly (readonly [string, string])[];
  /** Texts written beside it, target to text: a configuration that says something else than the input's. */
  readonly texts?: ReadonlyMap<string, string> | undefined;
}

/** What makes a folder loadable: every one that the source has is copied. */
const companions = [
  'config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.txt',
  'vocab.json',
  'merges.txt',
  'sentencepiece.bpe.model',
  'spiece.model',
  'generation_config.json',
  'preprocessor_config.json',
  'modules.json',
  'sentence_bert_config.json',
  'config_sentence_transformers.json',
  '1_Pooling/config.json',
];

/** Plan the output. Throws UsageError where something is there already (without `force`), or the output would replace the input. */
export function planOutput(
  input: ModelPath,
  precision: Precision,
  output: string | undefined,
  force: boolean,
): OutputPlan {
  const plan = locate(input, precision, output);
  if (resolve(plan.path) === resolve(input.onnxPath))
    throw new UsageError(`${plan.path}: expected an output other than the input, found the input itself`);
  const taken = [plan.path, ...plan.copies.map(([, to]) => to)].find((path) => existsSync(path));
  if (taken && !force) throw new UsageError(`${taken}: expected no file there, found one: pass --force to replace it`);
  return plan;
}

function locate(input: ModelPath, precision: Precision, output: string | undefined): OutputPlan {
  const stem = basename(input.onnxPath).replace(/\.onnx$/, '');
  const name = `${stem}${suffixes[precision]}.onnx`;
  if (output === undefined) return { path: join(dirname(input.onnxPath), name), copies: [] };
  if (output.endsWith('.onnx')) return { path: output, copies: [] };
  if (existsSync(output) && !statSync(output).isDirectory()) {
    throw new UsageError(`${output}: expected a name ending in .onnx or a folder, found another file`);
  }
  const copies = companions
    .map((file) => [join(input.folder, file), join(output, file)] as const)
    .filter(([from, to]) => existsSync(from) && resolve(from) !== resolve(to));
  return { path: join(output, 'onnx', `model${suffixes[precision]}.onnx`), folder: output, copies };
}

/**
 * Plan the output of a command that makes another model, not another form of one: by default a folder `NAME-SUFFIX` beside the model's,
 * complete for transformers.js. Throws UsageError as `planOutput` does.
 */
export function planFolder(input: ModelPath, suffix: string, output: string | undefined, force: boolean): OutputPlan {
  const folder = resolve(input.folder);
  const loose = input.config === undefined;
  const name = loose ? basename(input.onnxPath).replace(/\.onnx$/, '') : basename(folder);
  return planOutput(input, 'fp32', output ?? join(loose ? folder : dirname(folder), `${name}-${suffix}`), force);
}

/** A temporary folder beside the output, in which the model has its final name; removed however the work ends. */
export class Staging {
  readonly #plan: OutputPlan;
  readonly #folder: string;
  readonly #made: string | undefined;
  readonly #onExit = (): void => this.discard();

  constructor(plan: OutputPlan) {
    this.#plan = plan;
    const target = dirname(plan.path);
    const made = mkdirSync(target, { recursive: true });
    this.#made = made && resolve(made);
    this.#folder = mkdtempSync(join(target, '.bert-compress-'));
    process.once('exit', this.#onExit);
  }

  /** Where to write the model. */
  get path(): string {
    return join(this.#folder, basename(this.#plan.path));
  }

  /** Where a small file can stand that refers to the model's weights. */
  get checkPath(): string {
    return join(this.#folder, 'check.onnx');
  }

  /** Move the written files to their final names: data before model, so that a model never lacks its data. */
  accept(): void {
    for (const [from, to] of this.#plan.copies) {
      mkdirSync(dirname(to), { recursive: true });
      copyFileSync(from, to);
    }
    for (const [to, text] of this.#plan.texts ?? []) writeFileSync(to, text);
    const data = `${this.path}_data`;
    if (existsSync(data)) renameSync(data, `${this.#plan.path}_data`);
    else rmSync(`${this.#plan.path}_data`, { force: true });
    renameSync(this.path, this.#plan.path);
    this.clear();
  }

  /** Remove what was written, and folders that were made for it unless something else stands there by now: a rejected model. */
  discard(): void {
    this.clear();
    if (!this.#made) return;
    const within = (folder: string): boolean => folder.length >= this.#made!.length;
    for (let at = resolve(dirname(this.#plan.path)); within(at) && isEmpty(at); at = dirname(at)) rmdirSync(at);
  }

  /** Remove the temporary folder; what was put beside it stays. */
  clear(): void {
    process.removeListener('exit', this.#onExit);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function isEmpty(folder: string): boolean {
  return existsSync(folder) && readdirSync(folder).length === 0;
}

/** Name under which a model that failed its gate is kept: `NAME.rejected.onnx`. */
export function rejectedPath(path: string): string {
  return path.replace(/\.onnx$/, '.rejected.onnx');
}
