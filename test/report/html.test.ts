// The page as a document: its structure, what is absent, and text of the user as text. How it looks and behaves in a
// browser is test/real/html.test.ts.
import { createHash } from 'node:crypto';
import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import { escapeHtml, html } from '../../src/report/html/markup.ts';
import { renderHtml } from '../../src/report/html/page.ts';
import { bareReport, benchReport, hostileReport, quantizeReport, samples, validateReport } from './samples.ts';

const pages = new Map(Object.entries(samples).map(([name, report]) => [name, renderHtml(report)]));
const read = (name: string) => parseHTML(pages.get(name)!).document;
const texts = (list: Iterable<{ textContent: string | null }>): string[] =>
  [...list].map(({ textContent }) => textContent!.replace(/\s+/g, ' ').trim());

describe.each([...pages.keys()])('%s', (name) => {
  const text = pages.get(name)!;
  const document = read(name);
  const all = (selector: string) => [...document.querySelectorAll(selector)];

  it('asks for nothing from outside', () => {
    expect(all('script, link, img, iframe, object, embed, video, audio, form, base')).toEqual([]);
    expect(all('[src], [srcset], [background], [xlink\\:href]')).toEqual([]);
    expect(all('[href]').filter((one) => !one.getAttribute('href')!.startsWith('#'))).toEqual([]);
    expect(document.querySelector('style')!.textContent).not.toMatch(/url\(|@import/);
  });

  it('allows no script and no style but its own', () => {
    const policy = document.querySelector('meta[http-equiv=Content-Security-Policy]')!.getAttribute('content')!;
    const style = /<style>([\s\S]*?)<\/style>/.exec(text)![1]!;
    const hash = createHash('sha256').update(style).digest('base64');
    expect(policy).toBe(`default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`);
    expect(all('style')).toHaveLength(1);
    // attributes that the policy would refuse
    expect(all('[style]')).toEqual([]);
    expect(
      all('*')
        .flatMap((one) => [...one.attributes])
        .filter((attribute) => /^on/i.test(attribute.name)),
    ).toEqual([]);
  });

  it('has landmarks, headings in order and links that lead somewhere', () => {
    expect(['header', 'nav', 'main', 'footer'].map((tag) => all(tag).length)).toEqual([1, 1, 1, 1]);
    const levels = all('h1, h2, h3').map((one) => Number(one.tagName.slice(1)));
    expect(levels[0]).toBe(1);
    expect(levels.filter((level, i) => i > 0 && (level === 1 || level > levels[i - 1]! + 1))).toEqual([]);
    const ids = all('[id]').map((one) => one.id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const link of all('a')) expect(ids).toContain(link.getAttribute('href')!.slice(1));
    for (const section of all('section')) expect(ids).toContain(section.getAttribute('aria-labelledby'));
    expect(document.documentElement.getAttribute('lang')).toBe('en');
  });

  it('names every plot, and draws it for both widths', () => {
    for (const plot of all('[role=img]')) {
      expect(plot.getAttribute('aria-label')!.length).toBeGreaterThan(20);
      expect([...plot.querySelectorAll('svg')].map((svg) => svg.getAttribute('class'))).toEqual(['wide', 'narrow']);
    }
    expect(all('svg').length).toBe(2 * all('[role=img]').length);
    expect(pages.get(name)).not.toMatch(/NaN|undefined|Infinity/);
  });

  it('gives every table a caption and scopes, every row as many cells as columns', () => {
    for (const table of all('table')) {
      expect(table.querySelector('caption')!.textContent!.trim()).not.toBe('');
      const columns = table.querySelectorAll('thead tr > *').length;
      for (const row of table.querySelectorAll('tbody tr')) {
        expect(row.children.length).toBe(columns);
        expect(row.children[0]!.getAttribute('scope')).toBe('row');
      }
      for (const head of table.querySelectorAll('thead th')) expect(head.getAttribute('scope')).toBe('col');
      const box = table.parentElement!;
      expect([box.getAttribute('tabindex'), box.getAttribute('role'), !!box.getAttribute('aria-label')]).toEqual([
        '0',
        'region',
        true,
      ]);
    }
  });
});

it('validate: verdict, sections, models', () => {
  const document = read('validate');
  expect(texts(document.querySelectorAll('h1'))).toEqual(['Fail: 2 of 3 models do not hold.']);
  expect(texts(document.querySelectorAll('h2'))).toEqual([
    'Summary',
    'Gates',
    'Accuracy',
    'Size against accuracy',
    'Size by part',
    'Latency',
    'Examples that got worse',
    'Data, machine and notes',
  ]);
  expect(texts(document.querySelectorAll('.why li'))).toContain(
    "damaged: Diagnosis: labels look swapped: 'negative' and 'positive' exchanged give an accuracy of 88.21 %",
  );
  const trade = document.querySelector('#trade')!.parentElement!.querySelector('[role=img]')!;
  expect(trade.getAttribute('aria-label')).toMatch(/model\.onnx 90\.99 MB 88\.53 %.*front: int8, model_fp16\.onnx\.$/);
});

it('bench: memory, operators, logarithmic latency said so', () => {
  const document = read('bench');
  expect(texts(document.querySelectorAll('h2'))).toContain('Time by operator');
  const latency = document.querySelector('#latency')!.parentElement!;
  expect(texts(latency.querySelectorAll('figcaption'))[0]).toContain('The scale is logarithmic.');
  expect(texts(document.querySelector('#memory')!.parentElement!.querySelectorAll('.wide text'))).toContain(
    '188.74 MB',
  );
});

it('quantize: what was compressed and what was left, by reason', () => {
  const rows = texts(read('quantize').querySelector('#compressed')!.parentElement!.querySelectorAll('tbody tr'));
  expect(rows).toContain('products38');
  expect(rows).toContain('MatMul3both inputs are computed');
});

it('what is absent has no section', () => {
  expect(texts(read('bare').querySelectorAll('h2'))).toEqual(['Summary', 'Data, machine and notes']);
  expect(texts(read('bare').querySelectorAll('h1'))).toEqual(['Not checked: no gate was asked for.']);
});

it('bars are as long as what they stand for', () => {
  const plot = read('bench').querySelector('#memory')!.parentElement!.querySelector('svg.wide')!;
  const [before, after] = [...plot.querySelectorAll('rect')].map((bar) => Number(bar.getAttribute('width')));
  const { beforePeakRssBytes, afterPeakRssBytes } = benchReport.candidates![0]!.memory!;
  expect(after! / before!).toBeCloseTo(afterPeakRssBytes / beforePeakRssBytes, 6);
});

describe('text of the user', () => {
  it('is text: no element comes of it', () => {
    const names = (name: string): Set<string> =>
      new Set([...read(name).querySelectorAll('*')].map((one) => one.tagName));
    const known = new Set([...names('validate'), ...names('bench'), ...names('quantize'), 'BDI']);
    expect([...names('hostile')].filter((tag) => !known.has(tag))).toEqual([]);
    expect(read('hostile').querySelectorAll('script, img')).toHaveLength(0);
    expect(pages.get('hostile')).not.toMatch(/<script|<img/i);
    expect(pages.get('hostile')!.match(/<\/style>/g)).toHaveLength(1);
  });

  it('is all there', () => {
    const cells = texts(read('hostile').querySelectorAll('#changed ~ .scroll td'));
    expect(
      cells.some((cell) =>
        cell.startsWith('</style><script>alert("x")</script><img src=x onerror=alert(1)> & "quotes"'),
      ),
    ).toBe(true);
  });

  it('has no controls, and lines of a right-to-left script are kept to their cells', () => {
    expect(
      [...pages.get('hostile')!].filter((sign) => sign !== '\n' && /[\p{Cc}\p{Cs}\p{Bidi_Control}]/u.test(sign)),
    ).toEqual([]);
    const [one] = validateReport.candidates!;
    const report = {
      ...validateReport,
      candidates: [{ ...one!, changed: [{ ...one!.changed![0]!, text: 'סרט טוב' }] }],
    };
    expect(renderHtml(report)).toContain('<bdi>סרט טוב</bdi>');
  });
});

it('the tag escapes values and keeps markup', () => {
  // by another name, so that the formatter leaves the template alone
  const tag = html;
  const list = ['<a>', '"b"'].map((text) => tag`<li title="${text}">${text}</li>`);
  expect(tag`<ul>${list}${undefined}${false}${3}</ul>`.text).toBe(
    '<ul><li title="&#60;a&#62;">&#60;a&#62;</li><li title="&#34;b&#34;">&#34;b&#34;</li>3</ul>',
  );
  expect(escapeHtml(`<>&"'`)).toBe('&#60;&#62;&#38;&#34;&#39;');
});

it('is the same bytes for the same report', () => {
  expect([bareReport, benchReport, hostileReport, quantizeReport].map(renderHtml)).toEqual(
    ['bare', 'bench', 'hostile', 'quantize'].map((name) => pages.get(name)),
  );
});

describe('training', () => {
  const document = read('train');
  const section = document.getElementById('training')!.closest('section')!;

  it('draws the loss and the metric, each with its figures', () => {
    const names = [...section.querySelectorAll('[role=img]')].map((one) => one.getAttribute('aria-label')!);
    expect(names[0]).toMatch(/^Line of the training loss by step, from 0\.800 to 0\.\d+ at step 400\.$/);
    expect(names[1]).toBe(
      'Line of accuracy at each evaluation: step 100 79.00 %, step 200 86.60 %, step 300 88.10 %, step 400 87.90 %.',
    );
    expect(texts(section.querySelectorAll('li'))).toEqual([
      expect.stringMatching(
        /^trained 10,647,554 numbers on 10,240 rows, judged on 872: 400 steps, 2\.50 epochs, 812 s, loss 0\.800 to 0\.1\d\d$/,
      ),
      'best accuracy 88.10 % at step 300',
    ]);
  });

  it('is not there where nothing was trained', () => {
    expect(read('quantize').getElementById('training')).toBeNull();
  });
});
