// A Report as one self-contained HTML page: no network, no script, light and dark, for a phone and a keyboard.
import { otherFailures, verdictWord } from '../checks.ts';
import type { Report } from '../schema.ts';
import { oneLine } from '../strings.ts';
import { namedCandidates, type Named } from '../tables.ts';
import { html, type Markup } from './markup.ts';
import { sections, type Section } from './sections.ts';
import { shell } from './shell.ts';

/** Text of a page of its own. */
export function renderHtml(report: Report): string {
  const candidates = namedCandidates(report);
  const all = sections(report, candidates);
  const title = `${oneLine(report.command)}: ${verdictWord(report.verdict)}`;
  const main = all.map(sectionMarkup).join('\n');
  return shell(title, [header(report, candidates, all).text, `<main id="main">${main}</main>`, footer(report).text]);
}

function header(report: Report, candidates: readonly Named[], all: readonly Section[]): Markup {
  const several = candidates.length > 1;
  const failures = candidates.flatMap((one) => [
    ...one.failures.map((line) => failure(line, several && one.name)),
    ...(one.diagnosis ?? []).map((line) => html`<li>${several && `${one.name}: `}Diagnosis: ${oneLine(line)}</li>`),
  ]);
  const others = otherFailures(report).map((line) => failure(line, false));
  return html`<header>
    <p class="tool">bert-compress ${oneLine(report.command)}</p>
    <div class="theme">
      <label for="theme">Theme </label
      ><select id="theme">
        <option value="auto" selected>as the system</option>
        <option value="light">light</option>
        <option value="dark">dark</option>
      </select>
    </div>
    <h1><span class="${report.verdict}">${word(report)}</span> ${summary(report, candidates)}</h1>
    ${
      failures.length + others.length > 0 &&
      html`<ul class="why">
        ${failures}${others}
      </ul>`
    }
    <dl>
      <dt>Original</dt>
      <dd>${oneLine(report.input.path)}</dd>
      ${candidates.map(
        (one) =>
          html`<dt>${several ? one.name : 'Output'}</dt>
            <dd>${oneLine(one.output.path)}</dd>`,
      )}
    </dl>
    <nav aria-label="Sections">
      <ul>
        ${all.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`)}
      </ul>
    </nav>
  </header>`;
}

function failure(line: string, name: string | false): Markup {
  return html`<li><strong>${name && `${name}: `}${oneLine(line)}</strong></li>`;
}

function word({ verdict }: Report): string {
  return { pass: 'Pass:', fail: 'Fail:', 'not-checked': 'Not checked:' }[verdict];
}

function summary({ verdict }: Report, candidates: readonly Named[]): string {
  if (verdict === 'not-checked') return 'no gate was asked for.';
  if (verdict === 'pass') return 'every gate holds.';
  const failed = candidates.filter((one) => one.verdict === 'fail').length;
  if (candidates.length > 1 && failed > 0) return `${failed} of ${candidates.length} models do not hold.`;
  const lines = candidates.flatMap(({ failures }) => failures).length;
  return lines > 1 ? `${lines} gates do not hold.` : 'a gate does not hold.';
}

function sectionMarkup({ id, title, body }: Section): string {
  return html`<section aria-labelledby="${id}">
    <h2 id="${id}">${title}</h2>
    ${body}
  </section>`.text;
}

function footer({ tool, seed, seconds, input }: Report): Markup {
  return html`<footer>
    <p class="soft">
      ${tool.name} ${tool.version}, seed ${seed}, ${seconds.toFixed(1)} s. SHA-256 of the original: ${input.sha256}
    </p>
  </footer>`;
}
