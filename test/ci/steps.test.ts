// The CI steps as shell: each ends with bert-compress's exit code, and gives it what was asked for, whatever stands in the inputs.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { baselineSchema, formatBaseline } from '../../src/pipeline/baseline-file.ts';
import { action, gitlabScript, jenkinsScripts, Place, read, root, stepEnv, swallowed } from './shell.ts';
import { bundled } from '../support/bundle-cli.ts';

const [install, run] = action.runs.steps as [(typeof action.runs.steps)[0], (typeof action.runs.steps)[0]];

/** As the runner starts `shell: bash`, and without the options it adds, which the script must not need. */
const bash = ['bash', '--noprofile', '--norc', '-eo', 'pipefail'];
const bareBash = ['bash', '--noprofile', '--norc'];
/** GitLab's runner takes bash with pipefail where there is one, else sh: the harder case. */
const gitlab = ['sh', '-e'];
const jenkins = ['sh', '-xe'];

/** With a version, which spares the script a start of node to find it. */
const asked = { model: 'model', candidates: 'small.onnx', data: 'dev.tsv', 'max-drop': '0.5pt', version: '1' };

/** Install, then what the second step runs with. */
function prepare(place: Place, inputs: Readonly<Record<string, string>> = asked): Record<string, string> {
  expect(place.run(install.run, bash, 0, stepEnv(install, inputs)).code).toBe(0);
  return stepEnv(run, inputs);
}

describe('exit codes', () => {
  it.each([
    ['as the runner starts it', bash],
    ['without the options the runner adds', bareBash],
  ])('action.yml, %s', (_how, shell) => {
    expect(swallowed(run.run, shell, (place) => prepare(place))).toEqual([]);
  });

  it('gitlab-ci.yml', () => {
    expect(swallowed(gitlabScript(), gitlab)).toEqual([]);
  });

  it('Jenkinsfile', () => {
    const scripts = jenkinsScripts();
    expect(scripts).toHaveLength(1);
    expect(swallowed(scripts[0]!, jenkins)).toEqual([]);
  });

  it('an install that fails stops every one of them', () => {
    for (const [script, shell] of [
      [install.run, bash],
      [install.run, bareBash],
      [gitlabScript(), gitlab],
      [jenkinsScripts()[0]!, jenkins],
    ] as const) {
      const place = new Place();
      expect(place.run(script, shell, 0, { NPM_CODE: '7', VERSION: '' }).code).toBe(7);
      expect(place.given('cli')).toBeUndefined();
    }
  });
});

describe('the check of exit codes itself', () => {
  const everyFailure = ['1 becomes 0', '2 becomes 0', '130 becomes 0'];

  it.each([
    ['a pipe to tee without pipefail', 'bert-compress validate a b | tee log.txt', gitlab],
    ['|| true', 'bert-compress validate a b || true', bash],
    ['a line after it without -e', 'bert-compress validate a b\necho done', bareBash],
    ['an if around it', 'if bert-compress validate a b; then echo good; fi', bash],
    ['a command substitution in export', 'export OUT=$(bert-compress validate a b)', bash],
    ['a negation', '! bert-compress validate a b || true', bash],
  ])('finds %s', (_what, script, shell) => {
    expect(swallowed(script, shell)).toEqual(everyFailure);
  });

  it('finds a step that makes every failure a 1, and one that does not run it', () => {
    expect(swallowed('bert-compress validate a b || exit 1', bash)).toEqual(['2 becomes 1', '130 becomes 1']);
    expect(swallowed('true', bash)).toHaveLength(4);
  });

  it('finds damage to the real steps', () => {
    const damaged = run.run.replace('exit "$code"', 'echo "ended with $code"');
    expect(damaged).not.toBe(run.run);
    expect(swallowed(damaged, bash, (place) => prepare(place))).toEqual(everyFailure);
    expect(swallowed(gitlabScript().trim() + ' | tee log.txt', gitlab)).toEqual(everyFailure);
    const piped = jenkinsScripts()[0]!.trimEnd() + ' | tee log.txt';
    expect(swallowed(piped, jenkins)).toEqual(everyFailure);
  });
});

describe('action.yml', () => {
  it('is a composite action whose scripts see inputs through the environment only', () => {
    expect(action.runs.using).toBe('composite');
    for (const step of action.runs.steps) {
      expect(step.run).not.toContain('${{');
      expect(step.run).toMatch(/^set -euo pipefail\n/);
      expect(step.shell).toBe('bash');
    }
  });

  it('uses every input and gives every output', () => {
    const text = read('action.yml');
    for (const name of Object.keys(action.inputs)) expect(text).toContain(`\${{ inputs.${name} }}`);
    for (const [name, { value }] of Object.entries(action.outputs))
      expect(value).toBe(`\${{ steps.run.outputs.${name} }}`);
  });

  it('installs its own version without the CUDA libraries, or the one asked for', () => {
    const { version } = JSON.parse(read('package.json')) as { version: string };
    const place = new Place();
    expect(stepEnv(install, {}).ONNXRUNTIME_NODE_INSTALL).toBe('skip');
    place.run(install.run, bash, 0, stepEnv(install, {}));
    expect(place.given('npm')).toEqual(expect.arrayContaining(['install', `bert-compress@${version}`]));
    place.run(install.run, bash, 0, stepEnv(install, { version: '1.2.3' }));
    expect(place.given('npm')!.at(-1)).toBe('bert-compress@1.2.3');
  });

  it('gives the command exactly what the inputs say', () => {
    const place = new Place();
    const inputs = {
      ...asked,
      candidates: 'a.onnx\nb c.onnx\n',
      'min-speedup': '1.2x',
      'max-size': '30MB',
      baseline: 'b.json',
      reports: 'r/x.xml\nr/x y.html',
      args: '--samples=500\n\n--text=the review',
    };
    expect(place.run(run.run, bash, 0, prepare(place, inputs)).code).toBe(0);
    const given = place.given('cli')!;
    expect(given[1]).toMatch(/^--report=.*\.json$/);
    expect([given[0], ...given.slice(2)]).toEqual([
      'validate',
      '--data=dev.tsv',
      '--max-drop=0.5pt',
      '--min-speedup=1.2x',
      '--max-size=30MB',
      '--baseline=b.json',
      '--report=r/x.xml',
      '--report=r/x y.html',
      '--samples=500',
      '--text=the review',
      '--',
      'model',
      'a.onnx',
      'b c.onnx',
    ]);
  });

  it('runs nothing that stands in an input', () => {
    const place = new Place();
    const evil = '$(touch hacked) `touch hacked`; touch hacked #"\' && touch hacked * ~';
    const inputs = Object.fromEntries(Object.keys(action.inputs).map((name) => [name, evil]));
    const { code } = place.run(run.run, bash, 0, prepare(place, { ...inputs, command: 'quantize' }));
    expect(code).toBe(0);
    expect(place.given('npm')!.at(-1)).toBe(`bert-compress@${evil}`);
    expect(place.given('cli')).toEqual(expect.arrayContaining([`--data=${evil}`, '--', evil]));
    expect(existsSync(join(place.work, 'hacked'))).toBe(false);
  });

  it('takes a model that looks like a flag as a model', () => {
    const place = new Place();
    place.run(run.run, bash, 0, prepare(place, { model: '--help', candidates: '--version', version: '1' }));
    expect(place.given('cli')!.slice(-3)).toEqual(['--', '--help', '--version']);
  });

  it.each(['inspect', '--help', 'validate --help', ''])('refuses the command %j with 2', (command) => {
    const place = new Place();
    const found = place.run(run.run, bash, 0, { ...prepare(place), COMMAND: command });
    expect(found.code).toBe(2);
    expect(found.stderr).toMatch(/^::error title=bert-compress::command: expected validate, quantize or bench, found /);
    expect(place.given('cli')).toBeUndefined();
  });

  it('writes verdict, report, drop and ratio, of several candidates the worst', () => {
    const place = new Place({
      verdict: 'fail',
      candidates: [
        { ratio: 0.25, accuracy: { drop: 0.002 } },
        { ratio: 0.5, accuracy: { drop: 0.04 } },
      ],
    });
    expect(place.run(run.run, bash, 1, prepare(place)).code).toBe(1);
    const outputs = place.outputs();
    expect(outputs).toEqual({ verdict: 'fail', report: outputs.report, drop: '0.04', ratio: '0.5' });
    expect(JSON.parse(readFileSync(outputs.report!, 'utf8'))).toMatchObject({ verdict: 'fail' });
  });

  it('leaves out figures that were not measured', () => {
    const place = new Place({ verdict: 'not-checked', ratio: 0.3 });
    place.run(run.run, bash, 0, prepare(place));
    expect(place.outputs()).toMatchObject({ verdict: 'not-checked', drop: '', ratio: '0.3' });
  });

  it('says error where there is no report, and never passes without one', () => {
    const failed = new Place();
    expect(failed.run(run.run, bash, 2, prepare(failed)).code).toBe(2);
    expect(failed.outputs()).toEqual({ verdict: 'error' });
    const silent = new Place(undefined);
    writeFileSync(join(silent.fake, 'report.json'), 'no JSON');
    for (const place of [silent, new Place(undefined, '#!/bin/sh\nexit 0\n')]) {
      const found = place.run(run.run, bash, 0, prepare(place));
      expect(found.code).toBe(2);
      expect(found.stderr).toMatch(/^::error title=bert-compress::expected a report, found none/m);
      expect(place.outputs().verdict).toBe('error');
    }
  });

  it('does not read the report of an earlier run', () => {
    const place = new Place();
    const env = prepare(place);
    place.run(run.run, bash, 0, env);
    writeFileSync(place.output, '');
    expect(place.run(run.run, bash, 2, env).code).toBe(2);
    expect(place.outputs()).toEqual({ verdict: 'error' });
  });
});

describe('the examples', () => {
  it('GitHub: gives action.yml inputs it has, and reads outputs it gives', () => {
    interface Workflow {
      jobs: Record<string, { steps: { uses?: string; with?: Record<string, string>; run?: string; if?: string }[] }>;
    }
    const text = read('examples/ci/github.yml');
    const steps = Object.values((parse(text) as Workflow).jobs).flatMap((job) => job.steps);
    const ours = steps.find((step) => step.uses?.includes('/bert-compress@'))!;
    for (const name of Object.keys(ours.with!)) expect(action.inputs).toHaveProperty(name);
    for (const [name, input] of Object.entries(action.inputs))
      if (input.required) expect(ours.with).toHaveProperty(name);
    for (const [, name] of text.matchAll(/steps\.model\.outputs\.([\w-]+)/g))
      expect(action.outputs).toHaveProperty(name!);
    for (const step of steps) expect(step.run ?? '').not.toContain('${{');
    expect(steps.find((step) => step.uses?.startsWith('actions/upload-artifact'))?.if).toBe('always()');
    expect(text).not.toContain('continue-on-error');
  });

  it('GitLab and Jenkins: write the JUnit file that they hand over', () => {
    for (const [script, shell, junit] of [
      [gitlabScript(), gitlab, /junit: (\S+)/.exec(read('examples/ci/gitlab-ci.yml'))![1]!],
      [jenkinsScripts()[0]!, jenkins, /junit testResults: '([^']+)'/.exec(read('examples/ci/Jenkinsfile'))![1]!],
    ] as const) {
      const place = new Place();
      place.run(script, shell, 1);
      expect(existsSync(join(place.work, junit))).toBe(true);
      expect(place.given('cli')).toEqual(expect.arrayContaining(['validate', '--max-drop', '0.5pt', '--data']));
    }
  });

  it('name the version of this package', () => {
    const { version } = JSON.parse(read('package.json')) as { version: string };
    const minor = version.split('.').slice(0, 2).join('.');
    for (const script of [gitlabScript(), jenkinsScripts()[0]!]) expect(script).toContain(`bert-compress@${minor}`);
    expect(read('examples/ci/github.yml')).toContain(`/bert-compress@v${version}`);
  });
});

describe('docs/ci.md', () => {
  const docs = read('docs/ci.md');
  const blocks = (language: string): string[] =>
    [...docs.matchAll(/```(\w+)\n([\s\S]*?)```/g)].filter((match) => match[1] === language).map((match) => match[2]!);

  it('shows a baseline as it is written', () => {
    const [json] = blocks('json');
    expect(formatBaseline(baselineSchema.parse(JSON.parse(json!)))).toBe(json);
  });

  it('names every input and output of the action', () => {
    for (const name of [...Object.keys(action.inputs), ...Object.keys(action.outputs)])
      expect(docs).toContain(`\`${name}\``);
    const steps = parse(blocks('yaml')[0]!) as { id?: string; with?: object }[];
    const ours = steps.find((step) => step.id === 'model')!;
    for (const name of Object.keys(ours.with!)) expect(action.inputs).toHaveProperty(name);
  });

  it('shows a GitLab job that keeps the exit code', () => {
    expect(swallowed(gitlabScript(blocks('yaml')[1]!), gitlab)).toEqual([]);
  });
});

describe('the action with the real command line', () => {
  const cli = `#!/usr/bin/env bash
exec "${process.execPath}" "${bundled}cli/run.js" "$@"
`;
  const place = new Place(undefined, cli);
  const summary = join(place.folder, 'summary.md');
  const fixture = join(root, 'fixtures/tickets');

  /** The step as a job on GitHub has it: its exit code, outputs, annotations, and what it added to the summary. */
  function step(inputs: Readonly<Record<string, string>>) {
    writeFileSync(place.output, '');
    writeFileSync(summary, '');
    const env = { ...prepare(place, { data: 'dev.tsv', version: '1', ...inputs }), GITHUB_ACTIONS: 'true' };
    const { code, stderr } = place.run(run.run, bash, 0, { ...env, GITHUB_STEP_SUMMARY: summary });
    const annotations = stderr.split('\n').filter((line) => line.startsWith('::'));
    return { code, annotations, outputs: place.outputs(), summary: readFileSync(summary, 'utf8') };
  }

  it('quantizes, holds what it made, fails and refuses, each with its exit code and its annotations', () => {
    const rows = read('fixtures/tickets/dev.tsv').split('\n').slice(0, 31).join('\n');
    writeFileSync(join(place.work, 'dev.tsv'), `${rows}\n`);
    const few = '--no-bench\n--threads=1';
    const made = step({ command: 'quantize', model: fixture, 'max-drop': '20pt', args: `${few}\n--output=small.onnx` });
    expect(made).toMatchObject({ code: 0, annotations: [], outputs: { verdict: 'pass' } });
    expect(Number(made.outputs.ratio)).toBeLessThan(0.5);
    expect(made.summary).toMatch(/^### bert-compress quantize: pass\n/);

    const validate = { model: fixture, candidates: 'small.onnx', args: few, reports: 'r/report.md' };
    const held = step({ ...validate, 'max-drop': '20pt' });
    expect(held).toMatchObject({ code: 0, annotations: [], outputs: { ...made.outputs, report: held.outputs.report } });
    expect(readFileSync(join(place.work, 'r/report.md'), 'utf8').trim()).toBe(held.summary.trim());

    const failed = step({ ...validate, 'max-size': '10kB' });
    expect(failed).toMatchObject({ code: 1, outputs: { verdict: 'fail' } });
    expect(failed.annotations[0]).toMatch(/^::error title=bert-compress validate::size: expected at most 10000 bytes/);
    expect(failed.summary).toMatch(/^### bert-compress validate: fail\n/);

    const refused = step({ ...validate, data: 'nowhere.tsv' });
    expect(refused).toMatchObject({ code: 2, outputs: { verdict: 'error' }, summary: '' });
    expect(refused.annotations).toEqual([
      expect.stringMatching(/^::error title=bert-compress::nowhere\.tsv: expected /),
    ]);
  }, 120_000);
});
