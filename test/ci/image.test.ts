// The Dockerfile as far as it can be held without Docker: its sources exist and reach the build, its entry point runs, its user is not root.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bundled } from '../support/bundle-cli.ts';
import { tempDir } from '../support/temp.ts';
import { read, root } from './shell.ts';

interface Stage {
  readonly from: string;
  readonly name: string | undefined;
  readonly steps: readonly (readonly [instruction: string, rest: string])[];
}

function stagesOf(text: string): Stage[] {
  const lines = text
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter(Boolean);
  const stages: { from: string; name: string | undefined; steps: [string, string][] }[] = [];
  for (const line of lines) {
    const [, instruction = '', rest = ''] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
    const from = /^(\S+)(?: AS (\S+))?$/.exec(rest);
    if (instruction === 'FROM') stages.push({ from: from![1]!, name: from![2], steps: [] });
    else stages.at(-1)!.steps.push([instruction, rest]);
  }
  return stages;
}

const stages = stagesOf(read('Dockerfile'));
const last = stages.at(-1)!;
const steps = (instruction: string, of: readonly Stage[] = stages): string[] =>
  of.flatMap((stage) => stage.steps).flatMap(([name, rest]) => (name === instruction ? [rest] : []));

/** What a COPY takes from the project. */
const sources = steps('COPY')
  .filter((rest) => !rest.startsWith('--from='))
  .flatMap((rest) => rest.split(' ').slice(0, -1));
const kept = read('.dockerignore')
  .split('\n')
  .filter((line) => line.startsWith('!'))
  .map((line) => line.slice(1));

describe('Dockerfile', () => {
  it('knows every instruction it has', () => {
    const known = new Set(['ENV', 'WORKDIR', 'COPY', 'RUN', 'USER', 'ENTRYPOINT', 'CMD']);
    for (const [name, rest] of stages.flatMap((stage) => stage.steps)) expect(known, `${name} ${rest}`).toContain(name);
  });

  it('copies what the project has, .dockerignore lets through, and nothing else', () => {
    expect(sources.length).toBeGreaterThan(5);
    for (const source of sources) expect(existsSync(join(root, source)), source).toBe(true);
    expect(new Set(sources)).toEqual(new Set(kept));
    expect(read('.dockerignore')).toMatch(/^\*$/m);
  });

  it('packs all that the package is said to consist of', () => {
    const { files } = JSON.parse(read('package.json')) as { files: string[] };
    // made by the build in the image
    const built = ['dist', 'oclif.manifest.json'];
    for (const file of files.filter((file) => !built.includes(file)))
      expect(
        sources.some((source) => file === source || file.startsWith(`${source}/`)),
        file,
      ).toBe(true);
  });

  it('runs as a user, on a Node that the package accepts, without CUDA libraries', () => {
    expect(steps('USER', [last])).toEqual(['node']);
    const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } };
    const major = Number(/(\d+)/.exec(engines.node)![1]);
    for (const { from } of stages) expect(Number(/^node:(\d+)-slim$/.exec(from)![1])).toBeGreaterThanOrEqual(major);
    for (const stage of stages.filter(({ steps }) => steps.some(([, rest]) => rest.startsWith('npm ci'))))
      expect(steps('ENV', [stage])).toContain('ONNXRUNTIME_NODE_INSTALL=skip');
  });

  it('takes from stages that come before, and installs nothing in the last one', () => {
    stages.forEach((stage, i) => {
      for (const [, from] of steps('COPY', [stage])
        .map((rest) => /^--from=(\S+)/.exec(rest) ?? [])
        .filter(([all]) => all))
        expect(stages.slice(0, i).map(({ name }) => name)).toContain(from);
    });
    expect(steps('RUN', [last]).join(' ')).not.toMatch(/npm|apt|curl/);
  });

  it('starts the command line by its link, with the exit code kept', () => {
    expect(JSON.parse(steps('ENTRYPOINT', [last])[0]!)).toEqual(['bert-compress']);
    const [, target, link] = /^ln -s (\S+) (\S+)$/.exec(steps('RUN', [last])[0]!)!;
    const { bin } = JSON.parse(read('package.json')) as { bin: Record<string, string> };
    expect(target).toBe(join('/opt/bert-compress', bin['bert-compress']!));
    expect(link).toBe('/usr/local/bin/bert-compress');
    expect(read('bin/run.js')).toMatch(/^#!\/usr\/bin\/env node\n/);
    // the same link to the same entry point, which finds the bundle of the tests where the image has dist
    const folder = tempDir();
    mkdirSync(join(folder, 'bin'));
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    copyFileSync(join(root, 'bin/run.js'), join(folder, 'bin/run.js'));
    symlinkSync(bundled, join(folder, 'dist'));
    symlinkSync(join(folder, 'bin/run.js'), join(folder, 'bert-compress'));
    const run = (...args: string[]): number | null =>
      spawnSync(process.execPath, [join(folder, 'bert-compress'), ...args], { cwd: folder }).status;
    expect(run(...(JSON.parse(steps('CMD', [last])[0]!) as string[]))).toBe(0);
    expect(run('inspect', 'nowhere.onnx')).toBe(2);
  });
});
