// The report as JUnit XML, by the rules of junit-10.xsd of Jenkins' xUnit plugin, the strictest that is in use.
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { describe, expect, it } from 'vitest';
import { escapeXml, renderJunit } from '../../src/report/junit.ts';
import type { Report } from '../../src/report/schema.ts';
import { bareReport, benchReport, hostileReport, quantizeReport, samples, validateReport } from './samples.ts';

type Attributes = Readonly<Record<`@${string}`, string>>;
type Case = Attributes & { failure?: (Attributes & { '#text'?: string })[]; skipped?: Attributes[] };
type Suite = Attributes & { testcase: Case[]; properties?: { property: Attributes[] }[] };

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  parseAttributeValue: false,
  isArray: (name, _path, _leaf, attribute) => !attribute && !['testsuites', '?xml'].includes(name),
});

function read(report: Report): Attributes & { testsuite: Suite[] } {
  const xml = renderJunit(report);
  expect(XMLValidator.validate(xml)).toBe(true);
  return parser.parse(xml).testsuites;
}

const attributesOf = (element: object): string[] =>
  Object.keys(element)
    .filter((key) => key.startsWith('@'))
    .sort();
const seconds = /^\d+\.\d{3}$/;

describe.each(Object.entries(samples))('%s', (_, report) => {
  const root = read(report);
  const cases = root.testsuite.flatMap(({ testcase }) => testcase);

  it('has the elements and attributes of the schema and no others', () => {
    expect(attributesOf(root)).toEqual(['@errors', '@failures', '@name', '@tests', '@time']);
    for (const suite of root.testsuite) {
      expect(attributesOf(suite)).toEqual(['@errors', '@failures', '@name', '@skipped', '@tests', '@time']);
      expect(suite['@time']).toMatch(seconds);
      expect(
        Object.keys(suite).filter((key) => !key.startsWith('@') && !['properties', 'testcase'].includes(key)),
      ).toEqual([]);
    }
    for (const one of cases) {
      expect(attributesOf(one)).toEqual(['@classname', '@name', '@time']);
      expect(one['@time']).toMatch(seconds);
      expect(Object.keys(one).filter((key) => !key.startsWith('@') && !['failure', 'skipped'].includes(key))).toEqual(
        [],
      );
    }
  });

  it('counts what it holds', () => {
    expect(Number(root['@tests'])).toBe(cases.length);
    expect(Number(root['@failures'])).toBe(cases.filter(({ failure }) => failure).length);
    for (const suite of root.testsuite) {
      expect(Number(suite['@tests'])).toBe(suite.testcase.length);
      expect(Number(suite['@failures'])).toBe(suite.testcase.filter(({ failure }) => failure).length);
      expect(Number(suite['@skipped'])).toBe(suite.testcase.filter(({ skipped }) => skipped).length);
    }
    const sum = root.testsuite.reduce((total, suite) => total + Number(suite['@time']), 0);
    expect(Math.abs(sum - report.seconds)).toBeLessThan(0.01);
  });

  it('names each case once, as GitLab wants it', () => {
    const names = cases.map((one) => `${one['@classname']} ${one['@name']}`);
    expect(new Set(names).size).toBe(names.length);
  });

  it('fails when the report fails', () => {
    expect(Number(root['@failures']) > 0).toBe(report.verdict === 'fail');
  });
});

it('validate: a suite a model, a case a gate', () => {
  const { testsuite } = read(validateReport);
  expect(testsuite.map((suite) => [suite['@name'], suite['@tests'], suite['@failures']])).toEqual([
    ['int8', '3', '0'],
    ['model_fp16.onnx', '3', '2'],
    ['damaged', '1', '1'],
  ]);
  const [failed] = testsuite[2]!.testcase;
  expect(failed!.failure![0]!['@message']).toBe('expected at most 0.50 points, found 76.74 points');
  expect(failed!.failure![0]!['#text']).toContain('labels look swapped');
  // Jenkins: package and class are told apart by the last dot
  expect(testsuite[1]!.testcase[0]!['@classname']).toBe('bert-compress.validate.model_fp16_onnx');
});

it('figures are properties', () => {
  const { property } = read(quantizeReport).testsuite[0]!.properties![0]!;
  const figures = new Map(property.map((one) => [one['@name'], one['@value']]));
  expect(Number(figures.get('accuracy.drop'))).toBe(-0.011468);
  expect(figures.get('output.bytes')).toBe('23190112');
  expect(Number(figures.get('latency.8x128.speedup'))).toBeCloseTo(141.87 / 60.09, 10);
});

describe('accuracy that no gate guards', () => {
  it('is skipped, with the reason', () => {
    expect(read(bareReport).testsuite[0]!.testcase).toEqual([
      expect.objectContaining({ '@name': 'accuracy', skipped: [{ '@message': 'accuracy was not measured' }] }),
    ]);
    const { checks: _checks, ...unchecked } = quantizeReport;
    const { allowed: _allowed, ...accuracy } = quantizeReport.accuracy!;
    const [only] = read({ ...unchecked, accuracy, verdict: 'not-checked' }).testsuite[0]!.testcase;
    expect(only!.skipped![0]!['@message']).toBe('accuracy 88.53 % before, 89.68 % after; no --max-drop was asked for');
  });

  it('is not a matter of bench', () => {
    expect(read(benchReport).testsuite[0]!.testcase.map((one) => one['@name'])).toEqual(['min-speedup: 1 x 16']);
  });
});

it('a report without checks has them from its figures and failures', () => {
  const { checks: _checks, ...old } = quantizeReport;
  const report: Report = {
    ...old,
    verdict: 'fail',
    failures: ['size: expected at most 10 bytes, found 23190112'],
  };
  expect(read(report).testsuite[0]!.testcase.map((one) => [one['@name'], one.failure?.[0]?.['@message']])).toEqual([
    ['max-drop: accuracy', undefined],
    ['size', 'expected at most 10 bytes, found 23190112'],
  ]);
});

it('a failure of the run that is of no model is a suite of its own', () => {
  const { testsuite } = read({
    ...validateReport,
    failures: [...validateReport.failures, 'baseline: expected at least 88 %, found 80 %'],
  });
  expect(testsuite.at(-1)!['@name']).toBe('run');
});

it('has only characters of XML 1.0, section 2.2', () => {
  const every = Array.from({ length: 0x110000 }, (_, code) => String.fromCodePoint(code)).join('');
  const legal = (code: number): boolean =>
    code === 9 ||
    code === 10 ||
    code === 13 ||
    (code >= 0x20 && code <= 0xd7ff) ||
    (code >= 0xe000 && code <= 0xfffd) ||
    code >= 0x10000;
  expect([...escapeXml(every)].filter((sign) => !legal(sign.codePointAt(0)!))).toEqual([]);
  expect(escapeXml('a\u0000b\ud800c🙂')).toBe('a\ufffdb\ufffdc🙂');
});

it('text of the user stays text', () => {
  const failed = read(hostileReport).testsuite[0]!.testcase.find(({ failure }) => failure)!;
  expect(failed['@name']).toContain('</style><script>alert("x")</script>');
});
