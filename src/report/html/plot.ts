// A plot as SVG at report time: drawn twice, for a wide page and for a phone, named for who cannot see it.
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { cutMiddle, oneLine, width } from '../strings.ts';
import type { Table } from '../tables.ts';
import { html, Markup } from './markup.ts';
import { tableMarkup } from './table.ts';

export { Plot };

/** Pixels of the two drawings; the style sheet shows one of them. */
const SIZES = { wide: 680, narrow: 320 } as const;
/** Pixels of a character, about, at the 12 px of the style sheet. */
export const CHARACTER = 7.1;

/** What a drawing is told of its place. */
export interface Place {
  readonly width: number;
  /** A name cut so that it fits beside the plot. */
  readonly label: (name: string) => string;
  /** Left margin that the longest of the names needs. */
  readonly margin: (names: readonly string[]) => number;
}

export interface Figure {
  /** What the plot shows, in a sentence: its name for who cannot see it. */
  readonly name: string;
  readonly caption: Markup;
  readonly draw: (place: Place) => Plot.PlotOptions;
  /** The figures drawn, folded away below the caption. */
  readonly data?: Table | undefined;
}

/** The plot with its caption in the margin and its figures under it. */
export function figureMarkup({ name, caption, draw, data }: Figure): Markup {
  return html`<figure>
    <div role="img" aria-label="${name}">${(['wide', 'narrow'] as const).map((size) => drawing(size, draw))}</div>
    <figcaption>${caption}</figcaption>
    ${
      data &&
      html`<details>
        <summary>Figures as a table</summary>
        ${tableMarkup(data)}
      </details>`
    }
  </figure>`;
}

function drawing(size: keyof typeof SIZES, draw: Figure['draw']): Markup {
  const across = SIZES[size];
  const most = Math.floor((across * 0.36) / CHARACTER);
  const label = (name: string): string => cutMiddle(oneLine(name), most);
  const margin = (names: readonly string[]): number =>
    Math.ceil(Math.max(...names.map((name) => width(label(name)))) * CHARACTER) + 12;
  const { document } = parseHTML('<html><body></body></html>');
  const svg = Plot.plot({ ...draw({ width: across, label, margin }), width: across, document });
  // the page's own sheet does what Plot's would: its policy allows no other
  for (const sheet of svg.querySelectorAll('style')) sheet.remove();
  svg.setAttribute('class', size);
  svg.setAttribute('aria-hidden', 'true');
  for (const inner of svg.querySelectorAll('[aria-label]')) inner.removeAttribute('aria-label');
  return new Markup(String(svg.outerHTML));
}
