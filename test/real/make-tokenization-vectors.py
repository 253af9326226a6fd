"""Digests of what Python's tokenizers give for the data of ../shared: tokenization-vectors.json beside this file.

Run: python make-tokenization-vectors.py SHARED
A digest is the first eight hexadecimal digits of the SHA-256 of 100 rows, each row written as "id id id\n" for ids and
as "begin end begin end\n" for offsets (in UTF-16 units, without special tokens).
"""

import csv
import hashlib
import json
import os
import sys
from pathlib import Path

from tokenizers import Tokenizer, __version__

shared = Path(sys.argv[1])
MOST = 10_000


def lines(path):
    return (shared / "data" / path).read_text("utf8").replace("\r\n", "\n").split("\n")


def sentences(path):
    """Sentences of a CoNLL file as lists of words."""
    found, words = [], []
    for line in lines(path) + [""]:
        if line.strip():
            words.append(line.split("\t")[0])
        elif words:
            found.append(words)
            words = []
    return found


def column(path, index, skip):
    return [line.split("\t")[index] for line in lines(path)[skip:] if line]


with open(shared / "data/banking77/train.csv", newline="", encoding="utf8") as file:
    banking = [row[0] for row in csv.reader(file)][1:]
wnut = [s for f in ("wnut17train.conll", "emerging.dev.conll", "emerging.test.annotated") for s in sentences(f"wnut17/{f}")]
texts = {
    "sst2": column("sst2/train.tsv", 0, 1),
    "banking77": banking,
    "wnut17": [" ".join(words) for words in wnut],
    "wnut17-words": wnut,
    "chnsenticorp": column("chnsenticorp/train.tsv", 0, 0) + column("chnsenticorp/dev.tsv", 0, 0),
}


def utf16(text, offsets):
    """Code point offsets as UTF-16 ones."""
    at = [0]
    for char in text:
        at.append(at[-1] + (2 if ord(char) > 0xFFFF else 1))
    return [at[place] for pair in offsets for place in pair]


def digests(rows):
    written = [" ".join(map(str, row)) + "\n" for row in rows]
    return [
        hashlib.sha256("".join(written[at : at + 100]).encode()).hexdigest()[:8] for at in range(0, len(written), 100)
    ]


cases = []
for vocabulary, names in {
    "bert-base-uncased": ["sst2", "banking77", "wnut17", "wnut17-words"],
    "bert-base-chinese": ["chnsenticorp"],
    "bert-base-multilingual-cased": list(texts),
}.items():
    tokenizer = Tokenizer.from_file(str(shared / "vocab" / vocabulary / "tokenizer.json"))
    tokenizer.no_truncation()
    for name in names:
        rows = texts[name][:MOST]
        words = name.endswith("-words")
        encodings = [tokenizer.encode(row, is_pretokenized=words, add_special_tokens=False) for row in rows]
        ids = [encoding.ids for encoding in encodings]
        case = {"data": name, "vocabulary": vocabulary, "rows": len(rows), "tokens": sum(map(len, ids)), "ids": digests(ids)}
        if words:
            case["lines"] = sum(map(len, rows))
            starts = [[e.word_to_tokens(w)[0] if e.word_to_tokens(w) else -1 for w in range(len(r))] for r, e in zip(rows, encodings)]
            case["starts"] = digests(starts)
        else:
            case["offsets"] = digests([utf16(row, e.offsets) for row, e in zip(rows, encodings)])
        cases.append(case)
        if os.environ.get("RAW"):
            with open(f"{os.environ['RAW']}/{name}.{vocabulary}.jsonl", "w") as out:
                for row, e in zip(rows, encodings):
                    print(json.dumps([row, e.ids, None if words else utf16(row, e.offsets)]), file=out)

path = Path(__file__).with_name("tokenization-vectors.json")
path.write_text(json.dumps({"made": f"make-tokenization-vectors.py, tokenizers {__version__}", "cases": cases}, indent=2) + "\n")
for case in cases:
    print(case["data"], case["vocabulary"], case["rows"], "rows", case["tokens"], "tokens")
