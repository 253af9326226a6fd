// The assignment problem: each row gets a column of its own so that the sum of costs is least.

/**
 * Shortest augmenting paths with potentials (Kuhn 1955, Jonker and Volgenant 1987), O(n^3).
 * @param costs [n, n] row-major, finite
 * @returns the column of each row
 */
export function assign(costs: Float64Array, n: number): Int32Array {
  // columns are numbered from 1; column 0 stands for the row that is being placed
  const [rowPrice, columnPrice] = [new Float64Array(n + 1), new Float64Array(n + 1)];
  const rowOf = new Int32Array(n + 1);
  const previous = new Int32Array(n + 1);
  for (let row = 1; row <= n; row++) {
    rowOf[0] = row;
    let column = shortestPath(costs, n, { rowPrice, columnPrice, rowOf, previous });
    while (column !== 0) {
      rowOf[column] = rowOf[previous[column]!]!;
      column = previous[column]!;
    }
  }
  const columns = new Int32Array(n);
  for (let column = 1; column <= n; column++) columns[rowOf[column]! - 1] = column - 1;
  return columns;
}

interface State {
  readonly rowPrice: Float64Array;
  readonly columnPrice: Float64Array;
  /** Row that has each column, 0 for none. */
  readonly rowOf: Int32Array;
  readonly previous: Int32Array;
}

/** From the row in column 0 to a free column along edges of least reduced cost (Dijkstra); updates the prices. */
function shortestPath(costs: Float64Array, n: number, { rowPrice, columnPrice, rowOf, previous }: State): number {
  const least = new Float64Array(n + 1).fill(Infinity);
  const done = new Uint8Array(n + 1);
  let column = 0;
  for (;;) {
    done[column] = 1;
    const row = rowOf[column]!;
    const at = (row - 1) * n - 1;
    let delta = Infinity;
    let next = 0;
    for (let j = 1; j <= n; j++) {
      if (done[j]) continue;
      const reduced = costs[at + j]! - rowPrice[row]! - columnPrice[j]!;
      if (reduced < least[j]!) {
        least[j] = reduced;
        previous[j] = column;
      }
      if (least[j]! < delta) {
        delta = least[j]!;
        next = j;
      }
    }
    for (let j = 0; j <= n; j++) {
      if (done[j]) {
        rowPrice[rowOf[j]!]! += delta;
        columnPrice[j]! -= delta;
      } else least[j]! -= delta;
    }
    column = next;
    if (rowOf[column] === 0) return column;
  }
}
