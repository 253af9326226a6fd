"""Makes test/math/entity-vectors.json: tag sequences with what conlleval.pl and seqeval count in them.

Run by hand, never by a test:  python make-entity-vectors.py CONLLEVAL.PL > ../math/entity-vectors.json  (then oxfmt)
CONLLEVAL.PL is the script of the CoNLL-2000 and 2003 shared tasks, version 2004-01-26, run by perl (the copy used prints
six decimals). It knows no S and no boundary between E and B, so BIOES is compared with seqeval's default mode alone.
Used last with seqeval 1.2.2.
"""
import json, random, re, subprocess, sys, warnings
import numpy as np
from seqeval.metrics import accuracy_score, f1_score, precision_score, recall_score
from seqeval.metrics.sequence_labeling import get_entities

warnings.filterwarnings("ignore")
random.seed(11)


def conlleval(gold, predicted, *flags):
    lines = "\n\n".join("\n".join(f"w {g} {p}" for g, p in zip(*pair)) for pair in zip(gold, predicted)) + "\n\n"
    out = subprocess.run(["perl", sys.argv[1], "-d", " ", *flags], input=lines, capture_output=True, text=True, check=True).stdout
    counts = re.search(r"with (\d+) phrases; found: (\d+) phrases; correct: (\d+)", out)
    scores = re.search(r"accuracy: +([\d.]+)%; precision: +([\d.]+)%; recall: +([\d.]+)%; FB1: +([\d.]+)", out)
    types = re.findall(r"^ *(\S+): precision: +([\d.]+)%; recall: +([\d.]+)%; FB1: +([\d.]+)", out, re.M)
    return {
        "gold": int(counts[1]), "predicted": int(counts[2]), "both": int(counts[3]),
        **dict(zip(["accuracy", "precision", "recall", "f1"], map(float, scores.groups()))),
        "types": {name: float(f1) for name, _, _, f1 in types},
    }


def seqeval(gold, predicted):
    return {
        "accuracy": accuracy_score(gold, predicted),
        "precision": precision_score(gold, predicted, zero_division=0),
        "recall": recall_score(gold, predicted, zero_division=0),
        "f1": f1_score(gold, predicted, zero_division=0),
        "macroF1": np.nan_to_num(f1_score(gold, predicted, average="macro", zero_division=0)),
        "entities": [", ".join(f"{t} {a} {b}" for t, a, b in get_entities(sentence)) for sentence in predicted],
    }


def sentences(tags, count, longest):
    weights = [3 if tag == "O" else 1 for tag in tags]
    return [random.choices(tags, weights, k=random.randint(1, longest)) for _ in range(count)]


def noisy(gold, tags, rate):
    return [[random.choice(tags) if random.random() < rate else tag for tag in sentence] for sentence in gold]


def tags_of(places, types):
    return ["O"] + [f"{place}-{kind}" for kind in types for place in places]


HAND = [  # gold, predicted
    ("B-X I-X O", "B-X I-X O"), ("B-X I-Y O", "B-X I-X O"), ("I-X I-X B-X", "I-X I-X I-X"), ("O I-X I-Y", "O B-X B-Y"),
    ("B-X B-X I-X", "B-X I-X I-X"), ("I-X O I-X", "B-X O B-X"), ("B-Y I-X", "I-Y I-X"), ("O O", "O O"), ("I-X", "O"),
    ("B-a-b I-a-b", "B-a-b I-a-b"), ("B-X I-X I-Y I-X", "B-X I-X I-X I-X"), ("B-X", "I-X"),
]
HAND_BIOES = [
    ("B-X E-X S-Y O", "B-X E-X S-Y O"), ("B-X I-X E-X", "B-X I-X I-X"), ("O E-X O", "O S-X O"), ("S-X S-X", "B-X E-X"),
    ("B-X E-X B-X E-X", "B-X E-X I-X E-X"), ("E-X E-X I-X", "S-X S-X S-X"), ("B-X E-Y", "B-X I-Y"), ("S-X I-X E-X", "S-X B-X E-X"),
    ("B-X B-X E-X", "S-X B-X E-X"), ("I-X E-X", "B-X E-X"), ("B-X O E-X", "S-X O S-X"),
]

sets = []


def add(name, gold, predicted, perl=True, raw=False):
    sets.append({
        "name": name, "gold": [" ".join(s) for s in gold], "predicted": [" ".join(s) for s in predicted],
        **({"conlleval": conlleval(gold, predicted, *(["-r"] if raw else []))} if perl else {}),
        **({} if raw else {"seqeval": seqeval(gold, predicted)}),
    })


split = lambda pairs, i: [pair[i].split() for pair in pairs]
add("BIO by hand", split(HAND, 0), split(HAND, 1))
add("BIOES by hand", split(HAND_BIOES, 0), split(HAND_BIOES, 1), perl=False)
bio = tags_of("BI", ["person", "creative-work"])
for rate in (0.2, 0.6):
    gold = sentences(bio, 40, 12)
    add(f"BIO at random, {rate} changed", gold, noisy(gold, bio, rate))
iob1 = tags_of("I", ["X", "Y"]) + ["B-X"]
gold = sentences(iob1, 30, 10)
add("IOB1 at random", gold, noisy(gold, iob1, 0.3))
bioes = tags_of("BIES", ["X", "Y"])
gold = sentences(bioes, 60, 10)
add("BIOES at random", gold, noisy(gold, bioes, 0.3), perl=False)
words = ["NOUN", "VERB", "ADJ", "O"]
gold = sentences(words, 20, 8)
add("words without places", gold, noisy(gold, words, 0.3), raw=True)
add("nothing to find", [["O", "O"]], [["O", "O"]])
add("nothing found", [["B-X", "O"]], [["O", "O"]])

json.dump({"made": "support/make-entity-vectors.py: conlleval.pl 2004-01-26, seqeval 1.2.2", "sets": sets}, sys.stdout)
