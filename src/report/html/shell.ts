// The page around what a report says: head, style, and a policy that lets nothing in.
import { createHash } from 'node:crypto';
import { escapeHtml } from './markup.ts';
import { style } from './style.ts';

/** @param body markup; the part with the figures has the id 'main' */
export function shell(title: string, body: readonly string[]): string {
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy()}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    `<title>${escapeHtml(title)}, bert-compress</title>`,
    `<style>${style}</style>`,
    '</head>',
    '<body>',
    '<a class="skip" href="#main">Skip to the figures</a>',
    ...body,
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

/** Nothing but this page's own style sheet, named by its hash: text that became markup by a mistake of ours could do nothing. */
function policy(): string {
  const hash = createHash('sha256').update(style).digest('base64');
  return `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`;
}
