// Where reports go: the format by the ending, places tried before the work begins.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { inspect } from '../../src/index.ts';
import { checkReportPaths, inspectFormats, reportFormats, saveReport } from '../../src/report/save.ts';
import { fixture } from '../support/fixture.ts';
import { tempDir } from '../support/temp.ts';
import { validateReport } from './samples.ts';

describe('checkReportPaths', () => {
  it.each(['report.doc', 'report', 'html', '.html/x'])('refuses %s, naming the endings', (path) => {
    expect(() => checkReportPaths(['ok.json', path], reportFormats)).toThrow(
      new UsageError(`--report: expected a name ending in .json, .md, .xml or .html, found '${path}'`),
    );
  });

  it('leaves nothing behind', () => {
    const folder = tempDir();
    checkReportPaths([join(folder, 'a/b/r.json'), join(folder, 'r.HTML')], reportFormats);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('leaves what was there as it was', () => {
    const path = join(tempDir(), 'r.md');
    writeFileSync(path, 'old');
    checkReportPaths([path], reportFormats);
    expect(readFileSync(path, 'utf8')).toBe('old');
  });

  it('refuses a place that cannot be written, in one line', () => {
    const folder = tempDir();
    writeFileSync(join(folder, 'file'), '');
    mkdirSync(join(folder, 'folder.xml'));
    const places = [join(folder, 'file/r.json'), join(folder, 'folder.xml'), '/proc/nowhere/r.html'];
    for (const path of places) {
      let message = '';
      try {
        checkReportPaths([path], reportFormats);
      } catch (error) {
        expect(error).toBeInstanceOf(UsageError);
        message = error instanceof Error ? error.message : '';
      }
      expect(message).toContain(`--report: expected a file that can be written, found '${path}': `);
      expect(message).not.toContain('\n');
    }
  });
});

it('saveReport writes each format, making folders', async () => {
  const folder = join(tempDir(), 'deep/er');
  const names = ['r.json', 'r.md', 'r.xml', 'r.HTML'];
  const paths = names.map((name) => join(folder, name));
  await saveReport(validateReport, paths, reportFormats);
  expect(paths.map((path) => existsSync(path))).toEqual([true, true, true, true]);
  const [json, markdown, xml, html] = paths.map((path) => readFileSync(path, 'utf8'));
  expect(JSON.parse(json!)).toEqual(validateReport);
  expect(markdown).toMatch(/^### bert-compress validate: fail\n/);
  expect(xml).toMatch(/^<\?xml .*\n<testsuites /);
  expect(html).toMatch(/^<!doctype html>\n/);
});

it('writes a look at a model as JSON, markdown and a page, and knows no JUnit of it', async () => {
  const folder = tempDir();
  const paths = ['i.json', 'i.md', 'i.html'].map((name) => join(folder, name));
  checkReportPaths(paths, inspectFormats);
  expect(() => checkReportPaths([join(folder, 'i.xml')], inspectFormats)).toThrow(
    /expected a name ending in .json, .md or .html/,
  );
  const report = await inspect(fixture);
  await saveReport(report, paths, inspectFormats);
  const [json, markdown, page] = paths.map((path) => readFileSync(path, 'utf8')) as [string, string, string];
  expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(report)));
  expect(markdown).toMatch(/^### bert-compress inspect\n\n```text\n[\s\S]* layers +4, hidden 128/);
  expect(markdown.trimEnd().endsWith('```')).toBe(true);
  expect(page).toMatch(/<pre[^>]*>[\s\S]*hidden 128[\s\S]*<\/pre>/);
  expect(markdown + page).not.toMatch(/\u001b/);
});
