// The page in a browser: nothing asked for, nothing too wide, readable in both themes, all reached by keyboard.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { launch, type Browser, type Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reportFormats, saveReport } from '../../src/report/save.ts';
import { samples } from '../report/samples.ts';
import { tempDir } from '../support/temp.ts';

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/snap/bin/chromium'];
const chromium = [process.env['CHROMIUM_PATH'] ?? '', ...places].find((path) => path !== '' && existsSync(path));
if (chromium === undefined)
  console.log(`skipped: the page in a browser: no Chromium in CHROMIUM_PATH or ${places.join(', ')}`);

type Theme = 'light' | 'dark';

let browser: Browser;
let folder: string;

/** A page with what it asked for and complained about. */
async function open(name: string, width: number, theme: Theme): Promise<{ page: Page; heard: string[] }> {
  const page = await browser.newPage();
  const heard: string[] = [];
  const url = `file://${join(folder, `${name}.html`)}`;
  page.on('console', (message) => heard.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => heard.push(`error: ${String(error)}`));
  page.on('request', (request) => request.url() !== url && heard.push(`request: ${request.url()}`));
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }]);
  await page.setViewport({ width, height: 800 });
  await page.goto(url);
  return { page, heard };
}

/**
 * Runs in the page: texts whose contrast (WCAG 2.2, 1.4.3) with the paper is below 4.5. A string, as the functions of
 * this project know no DOM.
 */
const poorContrast = `(() => {
  const context = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgb = (colour) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const luminance = (colour) => {
    const [r, g, b] = rgb(colour).map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = luminance(getComputedStyle(document.body).backgroundColor);
  const poor = [];
  let seen = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
    seen++;
    const style = getComputedStyle(element);
    const ink = luminance(element.closest('svg') ? style.fill : style.color);
    const ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    if (ratio < 4.5) poor.push(ratio.toFixed(2) + ' ' + walker.currentNode.data.trim().slice(0, 40));
  }
  return { seen, poor, paper };
})()`;

/** Runs in the page: what is wider than it, and the plots and boxes that do not fit. */
const tooWide = `[...document.querySelectorAll('body, body *')]
  .filter((one) => !one.closest('.scroll table, .skip, .hidden') && one.checkVisibility())
  .filter((one) => one.getBoundingClientRect().right > innerWidth + 0.5)
  .map((one) => one.tagName + ' ' + (one.getAttribute('class') ?? '') + ' ' + one.textContent.slice(0, 30))`;

const named = `[...document.querySelectorAll('img, [role=img], svg')]
  .filter((one) => !one.closest('[role=img]') || one.matches('[role=img]'))
  .map((one) => one.getAttribute('aria-label') ?? '')`;

describe.skipIf(chromium === undefined)('the page in a browser', () => {
  beforeAll(async () => {
    folder = tempDir();
    for (const [name, report] of Object.entries(samples))
      await saveReport(report, [join(folder, `${name}.html`)], reportFormats);
    browser = await launch({ executablePath: chromium!, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
    console.log(await browser.version());
  });
  afterAll(() => browser.close());

  const cases = Object.keys(samples).flatMap((name) =>
    [320, 360, 1280].flatMap((width) => (['light', 'dark'] as const).map((theme) => [name, width, theme] as const)),
  );

  it.each(cases)('%s at %i, %s: quiet, narrow enough, legible', async (name, width, theme) => {
    const { page, heard } = await open(name, width, theme);
    expect(heard).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    expect(await page.evaluate(tooWide)).toEqual([]);
    await page.$$eval('details', (all) => all.map((one) => one.setAttribute('open', '')));
    const { seen, poor, paper } = (await page.evaluate(poorContrast)) as {
      seen: number;
      poor: string[];
      paper: number;
    };
    expect(seen).toBeGreaterThan(20);
    expect(poor).toEqual([]);
    // the theme asked for is the theme shown
    expect(paper > 0.5).toBe(theme === 'light');
    expect((await page.evaluate(named)) as string[]).not.toContain('');
    await page.close();
  });

  it.each(['validate', 'bench'])('%s: tab reaches everything in the order of the page, and it shows', async (name) => {
    const { page } = await open(name, 1280, 'light');
    const wanted = await page.$$eval('a, select, summary, [tabindex]', (all) =>
      all.filter((one) => one.checkVisibility()).map((one) => one.textContent!.slice(0, 40)),
    );
    await page.bringToFront();
    const reached: string[] = [];
    for (let i = 0; i < wanted.length; i++) {
      await page.keyboard.press('Tab');
      const [text, outline, onScreen] = (await page.evaluate(`(() => {
        const { activeElement: one } = document;
        const box = one.getBoundingClientRect();
        return [one.textContent.slice(0, 40), getComputedStyle(one).outlineWidth, box.right > 0 && box.bottom > 0 && box.top < innerHeight];
      })()`)) as [string, string, boolean];
      expect([text, outline, onScreen]).toEqual([text, '2px', true]);
      reached.push(text);
    }
    expect(reached).toEqual(wanted);
    await page.close();
  });

  it.each(['light', 'dark'] as const)('the theme can be chosen against a system that is %s', async (system) => {
    const { page } = await open('validate', 360, system);
    const paper = async (): Promise<number> => ((await page.evaluate(poorContrast)) as { paper: number }).paper;
    await page.select('#theme', system === 'light' ? 'dark' : 'light');
    expect((await paper()) > 0.5).toBe(system === 'dark');
    expect(((await page.evaluate(poorContrast)) as { poor: string[] }).poor).toEqual([]);
    await page.select('#theme', 'auto');
    expect((await paper()) > 0.5).toBe(system === 'light');
    await page.close();
  });

  it('one drawing of each plot is shown, that of the width', async () => {
    for (const [width, shown] of [
      [360, 'narrow'],
      [1280, 'wide'],
    ] as const) {
      const { page } = await open('validate', width, 'light');
      const classes = await page.$$eval('svg', (all) =>
        all.filter((one) => one.checkVisibility()).map((one) => one.getAttribute('class')),
      );
      expect(new Set(classes)).toEqual(new Set([shown]));
      await page.close();
    }
  });

  it('script in a text does not run, and would not be let', async () => {
    const { page } = await open('hostile', 1280, 'light');
    let ran = false;
    page.on('dialog', (dialog) => {
      ran = true;
      void dialog.dismiss();
    });
    await page.reload();
    expect(ran).toBe(false);
    expect(await page.$$eval('main img, main script', (all) => all.length)).toBe(0);
    await page.close();
    // the policy holds even where escaping would not
    const text = readFileSync(join(folder, 'hostile.html'), 'utf8');
    const blocked: string[] = [];
    const injected = await browser.newPage();
    injected.on('console', (message) => blocked.push(message.text()));
    await injected.setContent(text.replace('<main', '<script>document.title = "ran"</script><main'));
    expect(await injected.title()).not.toBe('ran');
    expect(blocked.join()).toMatch(/Content Security Policy/);
    await injected.close();
  });

  it('prints in black on white, everything unfolded, nothing cut', async () => {
    const { page } = await open('validate', 1280, 'dark');
    await page.emulateMediaType('print');
    expect(((await page.evaluate(poorContrast)) as { paper: number }).paper).toBeGreaterThan(0.9);
    expect(await page.$eval('details table', (table) => table.getBoundingClientRect().height)).toBeGreaterThan(20);
    const pdf = await page.pdf({ format: 'A4' });
    expect(pdf.length).toBeGreaterThan(10_000);
    await page.close();
  });
});
