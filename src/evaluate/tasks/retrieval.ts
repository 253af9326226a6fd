// Retrieval: every document of the file is ranked for every query by the cosine of their embeddings.
import type { Row } from '../../data/dataset.ts';
import type { Encoding } from '../../data/tokenizer/tokenizer.ts';
import { DataError } from '../../errors.ts';
import { meanOf } from '../../math/statistics-paired.ts';
import {
  ndcgAt,
  ranksOf,
  recallAt,
  reciprocalRankAt,
  type Ranked,
  type Relevant,
} from '../../math/statistics-ranking.ts';
import { mean } from '../../math/statistics.ts';
import { EmbeddingTable } from '../embedding-table.ts';
import { Growing } from '../growing.ts';
import { chooseEmbedding } from '../outputs.ts';
import { pool } from '../pooling.ts';
import type { Example, Outcome, Tally, Task, TaskContext, TaskRun } from '../task.ts';
import { TextIds } from '../text-ids.ts';

/**
 * Rows of a query, a document and, as label, a grade: how well the document answers (1 where there is no label, 0 for
 * one judged not to). Queries and documents are told apart by their text and embedded once each; of every one the
 * embedding is kept, 4 bytes a number.
 */
export const retrieval: Task = {
  name: 'retrieval',
  needs: ['textPair'],
  begin: (context) => retrievalRun(context),
};

/** What a row says, by the numbers of its texts. */
interface Judgement {
  readonly query: number;
  readonly document: number;
  readonly grade: number;
  /** Which of the two texts are run with this row: those that no row before it has. */
  readonly fresh: readonly ('query' | 'document')[];
}

/** Embeddings of the fresh texts. */
type Embeddings = readonly Float32Array[];

function retrievalRun(context: TaskContext): TaskRun<Judgement, Float32Array, Embeddings> {
  const { path, tokenizer, maxLength, pooling } = context;
  let queries = new TextIds();
  let documents = new TextIds();
  const encode = (text: string): Encoding => tokenizer.encode(text, undefined, maxLength);
  return {
    metric: 'ndcg@10',
    gold(row) {
      const query = queries.of(row.text, row.line);
      const document = documents.of(row.textPair ?? '', row.line);
      return {
        query: query.id,
        document: document.id,
        grade: gradeOf(path, row),
        fresh: [
          ...(query.line === row.line ? ['query' as const] : []),
          ...(document.line === row.line ? ['document' as const] : []),
        ],
      };
    },
    encode: (row, { fresh }) => fresh.map((of) => encode(of === 'query' ? row.text : (row.textPair ?? ''))),
    outputs: (specs) => [chooseEmbedding(specs)],
    reduce: ([values]) => pool(values!, pooling),
    predict: (_example, embeddings) => embeddings,
    tally() {
      // an evaluation begins, perhaps of other rows than the last: which row a text appears in first is found anew
      queries = new TextIds();
      documents = new TextIds();
      return new RetrievalTally(path);
    },
    vectors: (embeddings) => embeddings,
  };
}

function gradeOf(path: string, { label, line }: Row): number {
  if (label === undefined) return 1;
  const grade = label === '' ? Number.NaN : Number(label);
  if (!Number.isFinite(grade) || grade < 0) {
    throw new DataError(`${path} line ${line}: expected a grade of 0 or more, found '${label}'`);
  }
  return grade;
}

class RetrievalTally implements Tally<Judgement, Embeddings> {
  readonly #path: string;
  readonly #tables = { query: new EmbeddingTable(), document: new EmbeddingTable() };
  /** [judgement]: its query, its document, its grade. */
  readonly #query = new Growing(Int32Array);
  readonly #document = new Growing(Int32Array);
  readonly #grade = new Growing(Float32Array);

  constructor(path: string) {
    this.#path = path;
  }

  add({ gold }: Example<Judgement>, embeddings: Embeddings): void {
    gold.fresh.forEach((of, i) => this.#tables[of].add(gold[of], embeddings[i]!));
    if (gold.grade === 0) return;
    this.#query.push(gold.query);
    this.#document.push(gold.document);
    this.#grade.push(gold.grade);
  }

  finish(): Outcome {
    const { query: queries, document: documents } = this.#tables;
    const relevant = this.#relevant();
    if (relevant.size === 0)
      throw new DataError(`${this.#path}: expected a query with a relevant document, found none`);
    const cosines = documents.cosinesOf(queries);
    const ranked = [...relevant].map(([query, wanted]) => ranksOf(cosines(query), wanted));
    const ndcg = ranked.map((one) => ndcgAt(10, one));
    const average = (metric: (one: readonly Ranked[]) => number): number => mean(ranked.map(metric));
    const without = queries.rows - ranked.length;
    return {
      samples: ranked.length,
      value: mean(ndcg),
      secondary: {
        'recall@1': average((one) => recallAt(1, one)),
        'recall@10': average((one) => recallAt(10, one)),
        ...(documents.rows > 100 ? { 'recall@100': average((one) => recallAt(100, one)) } : {}),
        'mrr@10': average((one) => reciprocalRankAt(10, one)),
      },
      resampled: meanOf(ndcg),
      nonFinite: queries.nonFinite + documents.nonFinite,
      notes: [
        `retrieval: ${ranked.length} queries, each among the ${documents.rows} documents of the data`,
        ...(without === 0
          ? []
          : [`retrieval: ${ranked.length} of ${queries.rows} queries have a relevant document and are scored`]),
      ],
    };
  }

  /** By query, in their order: its relevant documents, the highest grade where a pair was judged twice. */
  #relevant(): ReadonlyMap<number, readonly Relevant[]> {
    const [query, document, grade] = [this.#query.finish(), this.#document.finish(), this.#grade.finish()];
    const grades = new Map<number, Map<number, number>>();
    for (let i = 0; i < query.length; i++) {
      const of = grades.get(query[i]!) ?? new Map<number, number>();
      of.set(document[i]!, Math.max(grade[i]!, of.get(document[i]!) ?? 0));
      grades.set(query[i]!, of);
    }
    const listed = [...grades].map(
      ([id, of]) => [id, [...of].map(([one, best]) => ({ document: one, grade: best }))] as const,
    );
    return new Map(listed);
  }
}
