// Embeddings of numbered texts as unit vectors, and the cosines of one with all of another table.
import { Growing } from './growing.ts';
import { allFinite } from './pooling.ts';

/** Rows are float32 of length 1: 4 bytes a number. A row that was not finite, or is all zeros, is kept as NaN or zeros. */
export class EmbeddingTable {
  readonly #data = new Growing(Float32Array);
  #width = 0;
  #rows = 0;
  #nonFinite = 0;

  get rows(): number {
    return this.#rows;
  }

  /** Rows with NaN or infinity. */
  get nonFinite(): number {
    return this.#nonFinite;
  }

  /** Adds the embedding of text `id`; the texts come in the order of their ids, and one that is there already is left. */
  add(id: number, embedding: Float32Array): void {
    if (id !== this.#rows) return;
    this.#rows++;
    this.#width = embedding.length;
    if (!allFinite(embedding)) {
      this.#nonFinite++;
      this.#data.append(new Float32Array(embedding.length).fill(Number.NaN));
      return;
    }
    const length = Math.sqrt(embedding.reduce((sum, x) => sum + x * x, 0));
    this.#data.append(length === 0 ? embedding : embedding.map((x) => x / length));
  }

  /**
   * A function that gives the cosines of row `query` of `queries` with every row of this table, in an array that is
   * lent until the next call: -Infinity where one of the two has no number, 0 with a row of zeros.
   */
  cosinesOf(queries: EmbeddingTable): (query: number) => Float64Array {
    const rows = this.#data.finish();
    const asked = queries.#data.finish();
    const width = this.#width;
    const scores = new Float64Array(this.#rows);
    return (query) => {
      const vector = asked.subarray(query * width, (query + 1) * width);
      for (let row = 0; row < scores.length; row++) {
        const score = dot(vector, rows, row * width);
        scores[row] = Number.isNaN(score) ? -Infinity : score;
      }
      return scores;
    };
  }
}

/** Inner product of a vector with the row of a matrix that begins at `at`; four sums, so that additions need not wait for each other. */
function dot(vector: Float32Array, matrix: Float32Array, at: number): number {
  const fours = vector.length - (vector.length % 4);
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let i = 0; i < fours; i += 4) {
    a += vector[i]! * matrix[at + i]!;
    b += vector[i + 1]! * matrix[at + i + 1]!;
    c += vector[i + 2]! * matrix[at + i + 2]!;
    d += vector[i + 3]! * matrix[at + i + 3]!;
  }
  for (let i = fours; i < vector.length; i++) a += vector[i]! * matrix[at + i]!;
  return a + b + (c + d);
}
