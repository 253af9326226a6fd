// Feature extraction, without labels: the embedding of every text, for comparing two models by parity.
import type { Batch } from '../../data/batches.ts';
import type { Dataset } from '../../data/rows.ts';
import type { HostTensor } from '../../runtime/session.ts';
import { chooseEmbedding, type ChosenOutput } from '../outputs.ts';
import { allFinite, sequenceVectors } from '../pooling.ts';
import type { Collector, Outcome, Prepared, PrepareContext, Task } from '../task.ts';
import { VectorTable } from '../vectors.ts';

export const featureExtraction: Task = {
  name: 'feature-extraction',
  needs: { label: false, textPair: false },
  prepare(dataset: Dataset, { tokenizer, maxLength }: PrepareContext): Prepared {
    const sequences = dataset.rows.map((row) => tokenizer.encode(row.text, row.textPair, maxLength));
    return {
      task: this.name,
      samples: sequences.length,
      sequences,
      padId: tokenizer.padId,
      padSide: tokenizer.padSide,
      collect: (outputs) => new EmbeddingCollector(chooseEmbedding(outputs), sequences.length),
    };
  },
};

class EmbeddingCollector implements Collector {
  readonly output: ChosenOutput;
  readonly #vectors: VectorTable;
  #nonFinite = 0;

  constructor(output: ChosenOutput, sequences: number) {
    this.output = output;
    this.#vectors = new VectorTable(sequences);
  }

  add(batch: Batch, value: HostTensor): void {
    let i = 0;
    for (const vector of sequenceVectors(this.output.name, batch, value)) {
      this.#vectors.set(batch.rows[i++]!, vector);
      if (!allFinite(vector)) this.#nonFinite++;
    }
  }

  finish(): Outcome {
    return { secondary: {}, vectors: this.#vectors.finish(), nonFinite: this.#nonFinite, notes: [] };
  }
}
