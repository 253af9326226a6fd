"""Makes the tiny models, their tokenizer and config in test/support/tiny, and the vectors that tests compare with.

Run by hand from this folder, never by a test:  python make-tiny.py  (then oxfmt over the JSON it wrote)
Used last with onnx 1.23.2, tokenizers 0.23.3, scipy 1.17.1, scikit-learn 1.9.1, numpy 2.4.6. Same seed, same files.
"""
import json, os
import numpy as np
import onnx
from onnx import TensorProto as T, helper as h, numpy_helper as nh

os.makedirs("tiny", exist_ok=True)
VOCAB, HIDDEN, CLASSES = 160, 8, 2
rng = np.random.default_rng(7)
table = rng.normal(size=(VOCAB, HIDDEN)).astype(np.float32)
segments = (0.1 * rng.normal(size=(2, HIDDEN))).astype(np.float32)
head = rng.normal(size=(HIDDEN, CLASSES)).astype(np.float32)


def save(name, nodes, inputs, outputs, weights):
    graph = h.make_graph(nodes, name, inputs, outputs, [nh.from_array(v, k) for k, v in weights.items()])
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 14)], ir_version=8, producer_name="make-tiny.py")
    onnx.checker.check_model(model)
    onnx.save(model, f"tiny/{name}.onnx")


def ints(names, shape, dtype=T.INT64):
    return [h.make_tensor_value_info(n, dtype, shape) for n in names]


FREE = ["batch", "sequence"]
# mean of the token vectors under the mask: sum(table[ids] * mask) / sum(mask)
POOL = [
    h.make_node("Gather", ["table", "input_ids"], ["tokens"]),
    h.make_node("Cast", ["attention_mask"], ["mask"], to=T.FLOAT),
    h.make_node("Unsqueeze", ["mask", "two"], ["mask3"]),
    h.make_node("Mul", ["tokens", "mask3"], ["masked"]),
    h.make_node("ReduceSum", ["masked", "one"], ["sum"], keepdims=0),
    h.make_node("ReduceSum", ["mask", "one"], ["count"], keepdims=1),
    h.make_node("Div", ["sum", "count"], ["mean"]),
]
AXES = {"one": np.array([1]), "two": np.array([2])}


def classifier(name, table, head, shape=FREE, dtype=T.INT64):
    save(name, POOL + [h.make_node("MatMul", ["mean", "head"], ["logits"])], ints(["input_ids", "attention_mask"], shape, dtype),
         [h.make_tensor_value_info("logits", T.FLOAT, [shape[0], CLASSES])], {"table": table, "head": head, **AXES})


classifier("classifier", table, head)
classifier("classifier-noisy", table + (0.35 * rng.normal(size=table.shape)).astype(np.float32), head)
classifier("classifier-nan", np.where(np.arange(VOCAB)[:, None] % 2 == 0, np.nan, table).astype(np.float32), head)
classifier("classifier-fixed", table, head, shape=[3, 12], dtype=T.INT32)

save("encoder", [
    h.make_node("Gather", ["table", "input_ids"], ["words"]),
    h.make_node("Gather", ["segments", "token_type_ids"], ["kinds"]),
    h.make_node("Add", ["words", "kinds"], ["last_hidden_state"]),
], ints(["input_ids", "attention_mask", "token_type_ids"], FREE), [h.make_tensor_value_info("last_hidden_state", T.FLOAT, FREE + [HIDDEN])],
    {"table": table, "segments": segments})

# the same as float16, ids only, with a part that is no float and a second output of [batch, sequence]
save("encoder-half", [
    h.make_node("Gather", ["table", "input_ids"], ["token_embeddings"]),
    h.make_node("ReduceSum", ["token_embeddings", "two"], ["token_sums"], keepdims=0),
    h.make_node("Shape", ["input_ids"], ["shape"]),
], ints(["input_ids"], FREE), [
    h.make_tensor_value_info("shape", T.INT64, [2]),
    h.make_tensor_value_info("token_embeddings", T.FLOAT16, FREE + [HIDDEN]),
    h.make_tensor_value_info("token_sums", T.FLOAT16, FREE)],
    {"table": table.astype(np.float16), "two": np.array([2])})

save("sentences", POOL[:-1] + [h.make_node("Div", ["sum", "count"], ["sentence_embedding"])], ints(["input_ids", "attention_mask"], FREE),
     [h.make_tensor_value_info("sentence_embedding", T.FLOAT, ["batch", HIDDEN])], {"table": table, **AXES})

save("unfeedable", [
    h.make_node("Gather", ["table", "input_ids"], ["words"]),
    h.make_node("Add", ["words", "boxes"], ["last_hidden_state"]),
], ints(["input_ids"], FREE) + [h.make_tensor_value_info("boxes", T.FLOAT, FREE + [HIDDEN])],
    [h.make_tensor_value_info("last_hidden_state", T.FLOAT, FREE + [HIDDEN])], {"table": table})

# ---- a WordPiece tokenizer over a vocabulary of letters, a few words and some characters that are easy to get wrong
words = "[PAD] [UNK] [CLS] [SEP] [MASK] the a good bad movie was very not i it ##ing ##s dance rid and of child man".split()
chars = list("abcdefghijklmnopqrstuvwxyz0123456789") + ["##" + c for c in "abcdefghijklmnopqrstuvwxyz0123456789"]
signs = list(".,!?'\"()-:;") + ["σ", "ς", "ο", "ς".upper(), "##σ", "##ς", "##ο", "##δ", "δ", "中", "文", "\U00020000", "é", "é", "ﬁ", "½"]
vocab = list(dict.fromkeys(words + chars + signs))
assert len(vocab) <= VOCAB, len(vocab)
special = [{"id": i, "content": c, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
           for i, c in enumerate(words[:5])]
piece = lambda kind, id, t: {kind: {"id": id, "type_id": t}}
tokenizer = {
    "version": "1.0",
    # a saved tokenizer may carry these; who measures decides, not the file
    "truncation": {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0},
    "padding": {"strategy": {"Fixed": 16}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"},
    "added_tokens": special,
    "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "post_processor": {
        "type": "TemplateProcessing",
        "single": [piece("SpecialToken", "[CLS]", 0), piece("Sequence", "A", 0), piece("SpecialToken", "[SEP]", 0)],
        "pair": [piece("SpecialToken", "[CLS]", 0), piece("Sequence", "A", 0), piece("SpecialToken", "[SEP]", 0),
                 piece("Sequence", "B", 1), piece("SpecialToken", "[SEP]", 1)],
        "special_tokens": {c: {"id": c, "ids": [words.index(c)], "tokens": [c]} for c in ("[CLS]", "[SEP]")},
    },
    "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
              "vocab": {w: i for i, w in enumerate(vocab)}},
}
write = lambda path, value: open(path, "w", encoding="utf8").write(json.dumps(value, ensure_ascii=False) + "\n")
write("tiny/tokenizer.json", tokenizer)
write("tiny/tokenizer_config.json", {"pad_token": "[PAD]", "model_max_length": 64, "tokenizer_class": "BertTokenizer"})
write("tiny/config.json", {"architectures": ["BertForSequenceClassification"], "model_type": "bert", "vocab_size": VOCAB, "max_position_embeddings": 64,
                           "id2label": {"0": "negative", "1": "positive"}, "label2id": {"negative": 0, "positive": 1}})

from tokenizers import Tokenizer
texts = ["", "A good movie.", "It was not very good, was it?", "dancing riding children's", "ΟΔΟΣ ΣΟΦΟΣ", "中文 a\U00020000b \U0002f800", "café ﬁ ½",
         "x" * 101 + " y", "x" * 100, "[CLS] the [MASK] [SEP]movie[PAD]", "a\u00a0b\u2003c\ttab\nline", "nul\u0000 \ufffd \u200b\u00ad", "don't \"quote\" (it)",
         "the " * 30, "emoji 😀 👩‍👧", "\u2028sep\u0085nel"]
pairs = [(a, None) for a in texts] + [(a, b) for a, b in zip(texts, texts[1:]) if b] + [("the movie was good", "the " * 30), ("a " * 25, "it was bad"), ("a " * 25, "it " * 26)]
cases = []
for limit in (6, 13, 64):
    t = Tokenizer.from_file("tiny/tokenizer.json"); t.no_padding(); t.enable_truncation(limit)
    for a, b in pairs:
        e = t.encode(a) if b is None else t.encode(a, b)
        cases.append({"text": a, "pair": b, "limit": limit, "ids": e.ids, "segments": e.type_ids})
write("../data/tokenizer-vectors.json", {"made": "support/make-tiny.py: tokenizers 0.23.3 on tiny/tokenizer.json, padding off, truncation to `limit`", "cases": cases})

# ---- statistics
from scipy import stats
from sklearn import metrics
x = rng.normal(size=40); y = x + rng.normal(size=40)
xt, yt = np.round(x * 2) / 2, np.round(y)
logits = rng.normal(size=(6, 5)) * 4
p, q = (np.exp(l) / np.exp(l).sum() for l in logits[:2])
gold, guess = rng.integers(0, 5, 60), rng.integers(0, 4, 60)
guess = np.where(rng.random(60) < 0.6, gold, guess)
f = lambda v: np.asarray(v, dtype=float).tolist()
write("../math/statistics-vectors.json", {
    "made": "support/make-tiny.py: scipy 1.17.1, scikit-learn 1.9.1, numpy 2.4.6",
    "x": f(x), "y": f(y), "xt": f(xt), "yt": f(yt),
    "pearson": stats.pearsonr(x, y).statistic, "spearman": stats.spearmanr(x, y).statistic,
    "pearsonTies": stats.pearsonr(xt, yt).statistic, "spearmanTies": stats.spearmanr(xt, yt).statistic, "ranksTies": f(stats.rankdata(xt)),
    "quantiles": [[q_, float(np.quantile(x, q_))] for q_ in (0, 0.025, 0.25, 0.5, 0.9, 1)],
    "logits": f(logits), "softmax": f(np.stack([np.exp(l - l.max()) / np.exp(l - l.max()).sum() for l in logits])), "kl": float(stats.entropy(p, q)),
    "gold": gold.tolist(), "guess": guess.tolist(), "accuracy": metrics.accuracy_score(gold, guess),
    "macroF1": metrics.f1_score(gold, guess, average="macro", zero_division=0), "microF1": metrics.f1_score(gold, guess, average="micro"),
    "matthews": metrics.matthews_corrcoef(gold, guess),
    "binary": {"gold": (gold % 2).tolist(), "guess": (guess % 2).tolist(), "matthews": metrics.matthews_corrcoef(gold % 2, guess % 2),
               "macroF1": metrics.f1_score(gold % 2, guess % 2, average="macro")},
    "mcnemar": [[b, c, stats.binomtest(min(b, c), b + c, 0.5).pvalue if b + c else 1.0] for b, c in ((0, 0), (0, 5), (3, 9), (10, 10), (120, 160))],
    "resample": {"counts": (counts := rng.multinomial(40, np.full(40, 1 / 40))).tolist(),
                 "spearman": stats.spearmanr(np.repeat(xt, counts), np.repeat(yt, counts)).statistic,
                 "pearson": stats.pearsonr(np.repeat(xt, counts), np.repeat(yt, counts)).statistic},
    "bootstrap": (lambda d: {"differences": d.tolist(), "interval": f(stats.bootstrap((d,), np.mean, n_resamples=20000, method="percentile", rng=1).confidence_interval)})(
        rng.choice([-1.0, 0.0, 1.0], p=[0.05, 0.85, 0.10], size=300)),
})
