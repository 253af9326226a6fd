// How many of the nearest neighbours of each text stay its nearest neighbours under another model.
import type { Vectors } from './task.ts';

const nearest = 10;

/**
 * Mean share of the ten nearest texts (cosine, the text itself left out) that two models have in common, over all rows;
 * undefined where there are too few rows for the share to mean something. O(rows^2 width).
 */
export function neighbourOverlap(before: Vectors, after: Vectors): number | undefined {
  const rows = Math.min(before.rows, after.rows);
  if (rows <= 2 * nearest) return undefined;
  const [a, b] = [normalized(before, rows), normalized(after, rows)];
  let shared = 0;
  for (let row = 0; row < rows; row++) {
    const theirs = new Set(neighboursOf(b, row));
    shared += neighboursOf(a, row).filter((other) => theirs.has(other)).length;
  }
  return shared / (rows * nearest);
}

/** Rows of length 1; a row that is not finite becomes zero and is near nothing. */
function normalized({ width, data }: Vectors, rows: number): Vectors {
  const result = data.slice(0, rows * width);
  for (let row = 0; row < rows; row++) {
    const vector = result.subarray(row * width, (row + 1) * width);
    const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
    const scale = Number.isFinite(length) && length > 0 ? 1 / length : 0;
    for (let i = 0; i < width; i++) vector[i] = scale === 0 ? 0 : vector[i]! * scale;
  }
  return { width, rows, data: result };
}

/** Rows of greatest inner product with `row`, the earlier of equals. */
function neighboursOf({ width, rows, data }: Vectors, row: number): number[] {
  const products = new Float64Array(rows);
  for (let other = 0; other < rows; other++) {
    let sum = 0;
    for (let i = 0, x = row * width, y = other * width; i < width; i++) sum += data[x + i]! * data[y + i]!;
    products[other] = other === row ? -Infinity : sum;
  }
  const order = Array.from(products.keys()).sort((x, y) => products[y]! - products[x]! || x - y);
  return order.slice(0, nearest);
}
