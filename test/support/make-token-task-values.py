"""Prints the values of test/real/token-tasks.test.ts and writes ../real/answers.json: zoo models with random weights on WNUT17, scored by others' code.

Run by hand from this folder, never by a test, with the scripts that make-squad-vectors.py names:
  python make-token-task-values.py ../../../shared evaluate-v2.0.py utils_qa.py  (then oxfmt over answers.json)
tokenizers, transformers' fast tokenizer (windows, offsets) and onnxruntime give the logits, one sequence at a time;
seqeval, run_qa's postprocessing and SQuAD's script score them. Used last with transformers 5.24.0, seqeval 1.2.2.
"""
import importlib.util, json, sys, warnings
import numpy as np
import onnxruntime
from seqeval.metrics import accuracy_score, f1_score, precision_score, recall_score
from transformers import PreTrainedTokenizerFast

warnings.filterwarnings("ignore")
shared = sys.argv[1]
tokenizer = PreTrainedTokenizerFast(tokenizer_file="tiny/tokenizer.json", cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]", unk_token="[UNK]")


def load(path):
    spec = importlib.util.spec_from_file_location("script", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def session(name):
    model = onnxruntime.InferenceSession(f"{shared}/zoo/{name}/model.onnx")
    names = [i.name for i in model.get_inputs()]
    return lambda encoding: model.run(None, {n: np.array([encoding[n]], np.int64) for n in names})


# Sentences; every type but two becomes O.
sentences, words = [], []
for line in open(f"{shared}/data/wnut17/emerging.dev.conll", encoding="utf-8"):
    cells = line.rstrip("\n").split("\t")
    if len(cells) == 2 and cells[0].strip():
        words.append((cells[0], cells[1] if cells[1][2:] in ("person", "location") else "O"))
    elif words:
        sentences.append(words)
        words = []
sentences += [words] if words else []

LABELS = ["O", "B-person", "I-person", "B-location", "I-location"]
tag = session("bert-tokcls-ts-17-eager")
gold, predicted, cut = [], [], 0
for sentence in sentences:
    encoding = tokenizer([w for w, _ in sentence], is_split_into_words=True, truncation=True, max_length=48, return_token_type_ids=True)
    logits = tag(encoding)[0][0]
    first = {}
    for at, word in enumerate(encoding.word_ids()):
        if word is not None:
            first.setdefault(word, at)
    cut += len(sentence) - len(first)
    gold.append([t for _, t in sentence])
    predicted.append([LABELS[int(logits[first[w]].argmax())] if w in first else "O" for w in range(len(sentence))])
print("sentences", len(gold), "words", sum(map(len, gold)), "cut", cut)
print("f1", f1_score(gold, predicted), "precision", precision_score(gold, predicted), "recall", recall_score(gold, predicted))
print("accuracy", accuracy_score(gold, predicted), "macroF1", f1_score(gold, predicted, average="macro"))

# Questions: ten sentences are a context, the next one's first words ask for words 20 to 22 of it; every fourth for nothing.
squad, qa = load(sys.argv[2]), load(sys.argv[3])
read = session("bert-qa-ts-17-eager")


class Examples(list):
    """A list of examples that also gives a column by name, as a data set of `datasets` does."""

    def __getitem__(self, key):
        return [example[key] for example in self] if isinstance(key, str) else super().__getitem__(key)


examples, features, starts, ends, windows = Examples(), [], [], [], 0
for i in range(60):
    context = [w for sentence in sentences[10 * i : 10 * i + 10] for w, _ in sentence]
    question = " ".join(w for w, _ in sentences[10 * i + 10][:3])
    answers = [] if i % 4 == 3 else [" ".join(context[20:23]), context[20]]
    examples.append({"id": str(i), "context": " ".join(context), "question": question, "answers": [{"text": a} for a in answers]})
    encoding = tokenizer(question, " ".join(context), truncation="only_second", max_length=96, stride=32, return_overflowing_tokens=True, return_offsets_mapping=True, return_token_type_ids=True)
    for k in range(len(encoding["input_ids"])):
        own = {n: encoding[n][k] for n in ("input_ids", "attention_mask", "token_type_ids")}
        start, end = read(own)
        offsets = [pair if of == 1 else None for pair, of in zip(encoding["offset_mapping"][k], encoding.sequence_ids(k))]
        features.append({"example_id": str(i), "offset_mapping": offsets})
        starts.append(start[0])
        ends.append(end[0])
found = qa.postprocess_qa_predictions(examples, features, (starts, ends), version_2_with_negative=True)
exact, f1 = squad.get_raw_scores([{"paragraphs": [{"qas": examples}]}], found)
print("windows", len(features), squad.make_eval_dict(exact, f1))
json.dump(list(found.values()), open("../real/answers.json", "w"))
