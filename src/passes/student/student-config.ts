// config.json of a student: the sizes that it has instead of the teacher's.

export interface StudentSizes {
  /** Layers kept, counted from 0, and how many there were. */
  readonly layers?: { readonly kept: readonly number[]; readonly of: number } | undefined;
  readonly heads?: number | undefined;
  readonly ffn?: number | undefined;
}

/** Names that families give to the number of layers and to the width of feed-forward blocks. */
const LAYERS = ['num_hidden_layers', 'n_layers', 'num_layers', 'n_layer'];
const FFN = ['intermediate_size', 'hidden_dim', 'n_inner'];
const HEADS = ['num_attention_heads', 'n_heads', 'n_head'];

/**
 * The teacher's config with the student's sizes. Lists with an entry a layer (ModernBERT's `layer_types`) lose those of the
 * layers that went. Fewer heads of the same size than the width divides into are written as the number of heads and their
 * size, `head_dim`: no runtime of the graph reads them.
 */
export function studentConfig(
  config: Readonly<Record<string, unknown>>,
  { layers, heads, ffn }: StudentSizes,
): Record<string, unknown> {
  const out: Record<string, unknown> = { ...config };
  const put = (names: readonly string[], value: number): void => {
    for (const name of names) if (name in out) out[name] = value;
  };
  if (layers) {
    put(LAYERS, layers.kept.length);
    for (const [name, value] of Object.entries(out))
      if (Array.isArray(value) && value.length === layers.of && /layer/.test(name))
        out[name] = layers.kept.map((layer): unknown => value[layer]);
  }
  if (heads !== undefined) {
    const before = HEADS.map((name) => config[name]).find((value) => typeof value === 'number');
    const width = config['hidden_size'] ?? config['dim'];
    if (typeof before === 'number' && typeof width === 'number' && before !== heads) out['head_dim'] = width / before;
    put(HEADS, heads);
  }
  if (ffn !== undefined) put(FFN, ffn);
  return out;
}
