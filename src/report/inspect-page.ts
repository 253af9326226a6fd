// An InspectReport as markdown and as a page: the terminal's text without its colours.
import { stripVTControlCharacters } from 'node:util';
import type { InspectReport } from '../inspect/inspect.ts';
import { html } from './html/markup.ts';
import { shell } from './html/shell.ts';
import { renderInspect } from './inspect-text.ts';

/** A fenced block, longer than any fence within it. */
export function inspectMarkdown(report: InspectReport): string {
  const text = plain(report);
  const longest = Math.max(2, ...Array.from(text.matchAll(/`+/g), ([ticks]) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  return `### bert-compress inspect\n\n${fence}text\n${text}\n${fence}\n`;
}

export function inspectHtml(report: InspectReport): string {
  const body = html`<main id="main">
    <h1>What this model is</h1>
    <pre tabindex="0" aria-label="Architecture, parts, tensors and passes">${plain(report)}</pre>
  </main>`;
  return shell('inspect', [body.text]);
}

function plain(report: InspectReport): string {
  return stripVTControlCharacters(renderInspect(report)).trim();
}
