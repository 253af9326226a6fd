"""The likeliest words in the place of each word of some texts, by tiny/masked.onnx on onnxruntime and Python's tokenizers:
python make-augment-vectors.py > augment-vectors.json  (then oxfmt). Used last with onnxruntime 1.32, tokenizers 0.23.3."""
import json
import re

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

tiny = "../support/tiny/"
tokenizer = Tokenizer.from_file(tiny + "tokenizer.json")
tokenizer.no_padding()
tokenizer.no_truncation()
session = onnxruntime.InferenceSession(tiny + "masked.onnx")
words = {i: w for w, i in tokenizer.get_vocab().items() if re.fullmatch(r"[^\W_]+", w)}
cases = []
for texts in [["The movie was very good."], ["a bad dance, not riding"], ["it was good", "not a bad child"]]:
    for side, text in enumerate(texts):
        for found in re.finditer(r"[^\W_]+", text):
            hidden = list(texts)
            hidden[side] = text[: found.start()] + "[MASK]" + text[found.end() :]
            ids = tokenizer.encode(*hidden).ids
            logits = session.run(None, {"input_ids": [ids], "attention_mask": [[1] * len(ids)]})[0][0, ids.index(4)]
            order = sorted(words, key=lambda i: (-logits[i], i))[:15]
            cases.append({"texts": texts, "side": side, "begin": found.start(), "end": found.end(), "words": [words[i] for i in order]})
print(json.dumps(cases))
