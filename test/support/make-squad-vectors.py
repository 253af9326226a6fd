"""Makes test/evaluate/squad-vectors.json: answers as SQuAD's scripts score them, and spans as run_qa finds them.

Run by hand, never by a test, with the three published scripts as they are:
  python make-squad-vectors.py evaluate-v1.1.py evaluate-v2.0.py utils_qa.py > ../evaluate/squad-vectors.json  (then oxfmt)
The first two are the official scripts of the data sets, the third belongs to the question answering example of
transformers (postprocess_qa_predictions). Used last with numpy 2.4.6.
"""
import importlib.util, json, random, sys
import numpy as np



def load(path):
    spec = importlib.util.spec_from_file_location("script", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


v1, v2, qa = (load(path) for path in sys.argv[1:4])
random.seed(5)
rng = np.random.default_rng(5)

HAND = [  # answer, accepted answers
    ("the Denver Broncos", ["Denver Broncos", "The Denver Broncos!"]), ("Broncos of Denver", ["Denver Broncos"]), ("", ["x"]),
    ("a", ["the"]), ("the", ["a cat", "an"]), ("cat cat dog", ["cat dog dog"]), ("U.S.A.", ["USA"]), ("well-known", ["well known"]),
    ("1,000", ["1000"]), ("«été»", ["été"]), ("  two\tspaces ", ["two spaces"]), ("İstanbul", ["istanbul"]), ("ΟΔΟΣ", ["οδος", "οδός"]),
    ("a_b the_c", ["ab thec"]), ("a\u0301 la carte", ["la carte"]), ("an②", ["②"]), ("the\u00a0end", ["end"]), ("x\x1fy\x85z", ["x y z"]),
    ("x\ufeffy", ["x y"]), ("Athe theA the", ["athe thea"]), ("$5 `quoted` ~", ["5 quoted"]), ("naïve", ["naive"]), ("日本 の", ["日本"]),
]
BITS = ["the", "a", "An", "cat", "Dog", "dog.", "cat", "sat", "U.S.", "-", "é", "the-dog", "  ", "\u2009", "10%", "_"]
text = lambda most: " ".join(random.choices(BITS, k=random.randint(0, most)))
CASES = HAND + [(text(6), [text(6) for _ in range(random.randint(1, 4))]) for _ in range(60)]
answers = []
for answer, accepted in CASES:
    data = lambda: [{"paragraphs": [{"qas": [{"id": "q", "answers": [{"text": a} for a in accepted]}]}]}]
    one = v1.evaluate(data(), {"q": answer})
    exact, f1 = v2.get_raw_scores(data(), {"q": answer})
    answers.append({"answer": answer, "accepted": accepted, "v1": [one["exact_match"] / 100, one["f1"] / 100], "v2": [float(exact["q"]), float(f1["q"])]})
for answer in ("", "a", "cat"):  # unanswerable
    exact, f1 = v2.get_raw_scores([{"paragraphs": [{"qas": [{"id": "q", "answers": []}]}]}], {"q": answer})
    answers.append({"answer": answer, "accepted": [], "v2": [float(exact["q"]), float(f1["q"])]})

# A data set of 2.0 as a whole: what the script prints of it.
qas = [{"id": str(i), "answers": [] if i % 3 == 0 else [{"text": text(4)} for _ in range(1 + i % 3)]} for i in range(40)]
predictions = {q["id"]: "" if random.random() < 0.4 else random.choice([a["text"] for a in q["answers"]] + [text(4)]) for q in qas}
dataset = [{"paragraphs": [{"qas": qas}]}]
has = v2.make_qid_to_has_ans(dataset)
exact, f1 = v2.get_raw_scores(dataset, predictions)
whole = v2.make_eval_dict(exact, f1)
v2.merge_eval(whole, v2.make_eval_dict(exact, f1, [k for k, v in has.items() if v]), "HasAns")
v2.merge_eval(whole, v2.make_eval_dict(exact, f1, [k for k, v in has.items() if not v]), "NoAns")
data_set = {"rows": [[predictions[q["id"]], *[a["text"] for a in q["answers"]]] for q in qas], "scores": whole}

# Spans: contexts of one-letter words, a token each, in up to three windows behind [CLS] question [SEP].
drawn = []
for i in range(24):
    words = int(rng.integers(3, 60))
    context = " ".join(chr(0x61 + (7 * w) % 26) for w in range(words))
    size, step, question = int(rng.integers(12, 50)), int(rng.integers(4, 11)), int(rng.integers(1, 6))
    begins = list(range(0, max(1, words - size + step), step))[:3]
    windows, starts, ends, features = [], [], [], []
    for begin in begins:
        inside = range(begin, min(words, begin + size))
        offsets = [None] * (question + 2) + [(2 * w, 2 * w + 1) for w in inside] + [None]
        start, end = (rng.normal(0, 2, len(offsets)).round(3).astype(np.float32) for _ in range(2))
        start[0] += 2 * (i % 3)
        features.append({"example_id": 0, "offset_mapping": offsets})
        starts.append(start)
        ends.append(end)
        windows.append({
            "first": begin, "question": question, "start": [round(float(x), 3) for x in start], "end": [round(float(x), 3) for x in end],
        })
    drawn.append((context, windows, features, starts, ends))


class Examples(list):
    """A list of examples that also gives a column by name, as a data set of `datasets` does."""

    def __getitem__(self, key):
        return [example[key] for example in self] if isinstance(key, str) else super().__getitem__(key)


def answer_of(context, features, starts, ends, negative):
    examples = Examples([{"id": 0, "context": context}])
    return qa.postprocess_qa_predictions(examples, features, (starts, ends), version_2_with_negative=negative)[0]


spans = [
    {"context": context, "windows": windows, "v1": answer_of(context, f, s, e, False), "v2": answer_of(context, f, s, e, True)}
    for context, windows, f, s, e in drawn
]
json.dump({"made": "support/make-squad-vectors.py", "answers": answers, "dataset": data_set, "spans": spans}, sys.stdout, ensure_ascii=True)
