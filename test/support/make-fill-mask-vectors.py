"""Makes tiny/masked.onnx, a masked language model without training, and test/evaluate/tasks/fill-mask-vectors.json: top-1,
top-5 and pseudo-perplexity of it, computed with numpy, and of a model of ../shared/zoo, computed with onnxruntime.

Run by hand from this folder, never by a test:  python make-fill-mask-vectors.py SHARED  (then oxfmt over the JSON it wrote)
Used last with onnx 1.23.2, onnxruntime 1.32, tokenizers 0.23.3, numpy 2.4.6. Same seed, same files.
"""
import json, sys
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto as T, helper as h, numpy_helper as nh
from tokenizers import Tokenizer

shared = sys.argv[1]
table = {i.name: nh.to_array(i) for i in onnx.load("tiny/encoder.onnx").graph.initializer}["table"]
vocabulary = len(table)

# logits = (sum over the tokens - token / 2) . table^T / 2, special tokens being zeros: what stands elsewhere is likely
table = np.where(np.arange(vocabulary)[:, None] < 5, 0, table).astype(np.float32)
graph = h.make_graph([
    h.make_node("Gather", ["table", "input_ids"], ["tokens"]),
    h.make_node("Cast", ["attention_mask"], ["mask"], to=T.FLOAT),
    h.make_node("Unsqueeze", ["mask", "two"], ["mask3"]),
    h.make_node("Mul", ["tokens", "mask3"], ["masked"]),
    h.make_node("ReduceSum", ["masked", "one"], ["sum"], keepdims=1),
    h.make_node("Mul", ["tokens", "half"], ["less"]),
    h.make_node("Sub", ["sum", "less"], ["difference"]),
    h.make_node("Mul", ["difference", "half"], ["hidden"]),
    h.make_node("Transpose", ["table"], ["table_t"], perm=[1, 0]),
    h.make_node("MatMul", ["hidden", "table_t"], ["logits"]),
], "masked", [h.make_tensor_value_info(n, T.INT64, ["batch", "sequence"]) for n in ("input_ids", "attention_mask")],
    [h.make_tensor_value_info("logits", T.FLOAT, ["batch", "sequence", vocabulary])],
    [nh.from_array(v, k) for k, v in {"table": table, "half": np.float32(0.5), "one": np.array([1]), "two": np.array([2])}.items()])
model = h.make_model(graph, opset_imports=[h.make_opsetid("", 14)], ir_version=8, producer_name="make-fill-mask-vectors.py")
onnx.checker.check_model(model)
onnx.save(model, "tiny/masked.onnx")

tokenizer = Tokenizer.from_file("tiny/tokenizer.json")
tokenizer.no_padding()
tokenizer.no_truncation()
MASK = tokenizer.token_to_id("[MASK]")
words = "the a good bad movie was very not i it dance dances of child man man .".split()
rng = np.random.default_rng(3)
texts = [" ".join(rng.choice(rng.choice(words, 2), n)) for n in rng.integers(1, 5, 24)]


def tiny(ids):
    x = table[ids].astype(float)
    return ((x.sum(0) - x / 2) / 2) @ table.T.astype(float)


def session_of(path):
    session = onnxruntime.InferenceSession(path)
    feeds = {"input_ids": lambda ids: ids, "attention_mask": np.ones_like, "token_type_ids": np.zeros_like}
    return lambda ids: session.run(["logits"], {i.name: feeds[i.name](np.array([ids])) for i in session.get_inputs()})[0][0].astype(float)


def scores(run):
    """Every token of every text masked alone; texts of at most 8 tokens, so that none is left out."""
    ranks, losses = [], []
    for text in texts:
        ids = tokenizer.encode(text).ids
        assert len(ids) <= 10, text
        for at in range(1, len(ids) - 1):
            logits = run(ids[:at] + [MASK] + ids[at + 1:])[at]
            ranks.append(np.argsort(-logits, kind="stable").tolist().index(ids[at]))  # of equal logits the first is ahead
            losses.append(float(np.log(np.exp(logits - logits.max()).sum()) + logits.max() - logits[ids[at]]))
    ranks = np.array(ranks)
    return {"tokens": len(ranks), "top1": float((ranks == 0).mean()), "top5": float((ranks < 5).mean()), "pseudoPerplexity": float(np.exp(np.mean(losses)))}


zoo = "zoo/bert-mlm-ts-17-eager/model.onnx"
json.dump({"made": "support/make-fill-mask-vectors.py: numpy and onnxruntime", "texts": texts, "tiny": scores(tiny),
           "zoo": {"model": zoo, **scores(session_of(f"{shared}/{zoo}"))}}, open("../evaluate/tasks/fill-mask-vectors.json", "w"))
