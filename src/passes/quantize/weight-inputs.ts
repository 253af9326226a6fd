// Weights that a file lists among its inputs as well (keep_initializers_as_inputs, and every file of IR version 3).
import type { Model } from '../../ir/graph.ts';

/** First IR version in which an initializer need not be an input (ONNX IR spec, "Graphs"). */
const FREE_INITIALIZERS = 4;

/**
 * From IR version 4 on such an input lets a caller override the weight; before, it is a constant. A converted weight has no float32 form
 * left to override: it is no input of `after` any more. Raises the IR version where new initializers need it. Gives the number of inputs
 * that went, and nothing where there were none.
 */
export function fixWeightInputs(before: Model, after: Model): { weightInputs?: number } {
  const { graph } = after;
  if (after.irVersion < FREE_INITIALIZERS) {
    after.irVersion = FREE_INITIALIZERS;
    graph.inputs = graph.inputs.filter((input) => !graph.initializers.has(input.name));
  }
  const weightInputs = before.graph.inputs.length - graph.inputs.length;
  return weightInputs > 0 ? { weightInputs } : {};
}
