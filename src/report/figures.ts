// Figures as people read them: each unit in one place, so that all renderers say the same.

/** Bytes in decimal units. */
export function bytes(count: number): string {
  if (count >= 1e9) return `${(count / 1e9).toFixed(2)} GB`;
  if (count >= 1e6) return `${(count / 1e6).toFixed(2)} MB`;
  return count >= 1e3 ? `${(count / 1e3).toFixed(1)} kB` : `${count} B`;
}

/** A fraction in percent. */
export function percent(fraction: number, digits = 2): string {
  return `${fixed(100 * fraction, digits)} %`;
}

/** Metrics that are no fractions, by their names: perplexities, losses, and names that end in a unit. */
const PLAIN = /perplexity|loss|entropy|divergence|error|rank$|(?:Db|Ms|Nats|Bits)$/i;

/** A metric in its unit: percent for a fraction, a number for what its name says is none. */
export function metricValue(name: string, value: number): string {
  return PLAIN.test(name) ? plain(value) : percent(value);
}

/** The change of a metric, with its sign: points (hundredths) of a fraction, or a number. */
export function metricChange(name: string, change: number): string {
  return PLAIN.test(name) ? signed(change, plain) : `${signedPoints(change)} points`;
}

/** Hundredths of a fraction, with a sign. */
export function signedPoints(fraction: number): string {
  return signed(100 * fraction, (value) => fixed(value, 2));
}

/** The name of a metric in words: macroRecall is macro recall; what is an abbreviation stays one. */
export function metricName(key: string): string {
  if (key === 'pseudoPerplexity') return 'pseudo-perplexity';
  return key
    .replace(/([a-z])([A-Z])(?=[a-z0-9])/g, (_, end: string, start: string) =>
      start === 'F' ? `${end} F` : `${end} ${start.toLowerCase()}`,
    )
    .replace(/\b(?:mcc|auroc|mrr|f1)\b/g, (name) => name.toUpperCase())
    .replace(/\bndcg\b/g, 'nDCG')
    .replace(/\b(has|no) ans\b/g, '$1 answer:');
}

export function ms(value: number): string {
  return `${value >= 1000 ? value.toFixed(0) : value.toFixed(2)} ms`;
}

/** How many times as fast. */
export function factor(value: number): string {
  return `${value.toFixed(2)}x`;
}

/** A rate to three digits. */
export function rate(perSecond: number): string {
  return perSecond >= 100 ? perSecond.toFixed(0) : perSecond.toPrecision(3);
}

/** A whole number with its thousands apart: 12,500. */
export function whole(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** A counter of a pass: whole numbers in full, others to four digits. */
export function counter(value: number): string {
  return Number.isInteger(value) ? whole(value) : String(Number(value.toPrecision(4)));
}

/** `3 rows`, `1 row`. */
export function counted(count: number, noun: string): string {
  return `${whole(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** Significant digits for a number of any size, no exponent between 0.001 and a million. */
function plain(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 1e6 || (size > 0 && size < 1e-3)) return value.toExponential(2);
  return size >= 1000 ? value.toFixed(0) : value.toFixed(size >= 0.1 || size === 0 ? 2 : 4);
}

/** toFixed without a minus before zero. */
function fixed(value: number, digits: number): string {
  const text = value.toFixed(digits);
  return /^-0(?:\.0*)?$/.test(text) ? text.slice(1) : text;
}

function signed(value: number, show: (value: number) => string): string {
  const text = show(value);
  return value > 0 && !/^0(?:\.0*)?$/.test(text) ? `+${text}` : text;
}
