"""What Python's tokenizers give for hard texts: tokenizer-offsets.json.gz beside this file, and the two small tokenizers it
needs, tokenizer-byte-level.json (as RoBERTa's) and tokenizer-unigram.json (as XLM-R's).

Run: python make-tokenizer-offsets.py, then oxfmt over the two    (needs tokenizers, sentencepiece and protobuf)
Offsets are in UTF-16 units. The training text is this project's own.
"""

import base64
import gzip
import json
import random
import re
import tempfile
from pathlib import Path

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Tokenizer, __version__, models, pre_tokenizers, processors, trainers

here = Path(__file__).parent
source = (here / "../../src/data/builtin-texts.ts").read_text("utf8")
corpus = [text.replace("\\'", "'") for text in re.findall(r"^  (?:'(.*)'|\"(.*)\"),?$", source, re.M) for text in text if text]
special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


def byte_level():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator(corpus, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False)
    return json.loads(tokenizer.to_str())


def character_map():
    """A small character map of the form that XLM-R's has: some compatible characters, white space, dropped controls."""
    rules = {0xFB01: "fi", 0xBD: "1⁄2", 0x2167: "VIII", 0x2122: "TM", 0xA0: " ", 0x3000: " ", 0x200B: " ", 0x9: " ", 0x1F: "", 0xFF21: "A", 0xB4: " \u0301"}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "rules.tsv").write_text("".join(f"{c:X}\t{' '.join(f'{ord(o):X}' for o in to)}\n" for c, to in rules.items()))
        Path(folder, "corpus.txt").write_text("\n".join(corpus), "utf8")
        sentencepiece.SentencePieceTrainer.train(
            input=f"{folder}/corpus.txt", model_prefix=f"{folder}/m", vocab_size=500, hard_vocab_limit=False,
            normalization_rule_tsv=f"{folder}/rules.tsv", minloglevel=2,
        )
        model = sentencepiece_model_pb2.ModelProto()
        model.ParseFromString(Path(folder, "m.model").read_bytes())
    return base64.b64encode(model.normalizer_spec.precompiled_charsmap).decode()


def unigram():
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.train_from_iterator(
        corpus, trainers.UnigramTrainer(vocab_size=700, special_tokens=special, unk_token="<unk>", show_progress=False)
    )
    pair = dict(single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    tokenizer.post_processor = processors.TemplateProcessing(**pair)
    made = json.loads(tokenizer.to_str())
    spaces = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}
    made["normalizer"] = {
        "type": "Sequence",
        "normalizers": [{"type": "Precompiled", "precompiled_charsmap": character_map()}, spaces],
    }
    return made


def written(name, made):
    made["added_tokens"][4]["lstrip"] = True
    (here / name).write_text(json.dumps(made, ensure_ascii=False, indent=1) + "\n", "utf8")


written("tokenizer-byte-level.json", byte_level())
written("tokenizer-unigram.json", unigram())

bert = {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True}
prefixed = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
roberta = {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0], "trim_offsets": True, "add_prefix_space": True}
metaspace = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}


def added(content, id, **settings):
    off = dict(single_word=False, lstrip=False, rstrip=False, normalized=True, special=False)
    return {"id": id, "content": content, **off, **settings}


size = 118
changes = {
    "tiny": ("../support/tiny/tokenizer.json", {}),
    "tiny, accents kept": ("../support/tiny/tokenizer.json", {"normalizer": {**bert, "strip_accents": False}}),
    "tiny, cased": ("../support/tiny/tokenizer.json", {"normalizer": {**bert, "lowercase": False}}),
    "tiny, not cleaned": ("../support/tiny/tokenizer.json", {"normalizer": {**bert, "clean_text": False}}),
    "tiny, Chinese not apart": ("../support/tiny/tokenizer.json", {"normalizer": {**bert, "handle_chinese_chars": False}}),
    "tiny, added tokens": (
        "../support/tiny/tokenizer.json",
        {
            "more": [
                added("New York", size),
                added("@USER", size + 1),
                added("cat", size + 2, single_word=True),
                added("<l>", size + 3, lstrip=True, normalized=False),
                added("<r>", size + 4, rstrip=True, normalized=False),
            ]
        },
    ),
    "byte-level": ("tokenizer-byte-level.json", {}),
    "byte-level, prefixed": ("tokenizer-byte-level.json", {"pre_tokenizer": prefixed, "post_processor": roberta}),
    "byte-level, NFC": ("tokenizer-byte-level.json", {"normalizer": {"type": "NFC"}}),
    "byte-level, NFKD": ("tokenizer-byte-level.json", {"normalizer": {"type": "NFKD"}}),
    "unigram": ("tokenizer-unigram.json", {}),
    "unigram, words first": (
        "tokenizer-unigram.json",
        {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, metaspace]}},
    ),
    "unigram, as ALBERT": (
        "tokenizer-unigram.json",
        {
            "normalizer": {
                "type": "Sequence",
                "normalizers": [
                    {"type": "Replace", "pattern": {"String": "``"}, "content": '"'},
                    {"type": "NFKD"},
                    {"type": "StripAccents"},
                    {"type": "Lowercase"},
                    {"type": "Strip", "strip_left": True, "strip_right": True},
                ],
            }
        },
    ),
}

chance = random.Random(7)
words = [word for text in corpus for word in text.split()]
pieces = """a B é É Å ß İ ı Σ ς ﬁ ½ Ⅷ ™ ´ `` 1 23 . , ! ' " - _ @ # $ [ ] ~ ^ 中 文 々 ひ か\u3099 ﾊﾟ 한 각 \u1112\u1161\u11ab ا لله שלום ไทย हिन्दी க் ǅ ŉ Ａ 。 「 “ ” — … €
e\u0301 A\u030a q\u0323\u0307 \u0301 \u0344 \u212b 😀 👩\u200d👧 🇩🇪 ❤\ufe0f 👍🏽 𝒜 𐐀 \U00020000 \U0002b740 \U0002b820 \U00030000 \U0002f800 \uf900 \u200b \u200d \u200e \u00ad \ufeff \ufffd \ue000 \U0010fffd \u0378
\x00 \x0b \x0c \x1f \x85 \xa0 \u3000 \u2028 \t \n \r\n \u037e \u1fef \u2e43 \u1b7d \ua8ce \U0001e900 [UNK] [MASK] [SEP] [mask] <mask> <s> </s> <l> <r> @USER cat cats New\xa0York""".replace("\n", " ").split(" ") + ["New York", "new york", "  ", "   ", "\n", "\t"]


def text():
    if chance.random() < 0.1:
        return " ".join(chance.choice(words) for _ in range(chance.randint(3, 10)))
    made = ""
    for _ in range(chance.randint(1, 9)):
        made += chance.choice(words if chance.random() < 0.3 else pieces) + (" " if chance.random() < 0.3 else "")
    return made


texts = ["", " ", "x" * 100, "x" * 101 + " y", "é" * 51, "e\u0301" * 51] + [text() for _ in range(160)]


def utf16(text, offsets):
    at = [0]
    for char in text:
        at.append(at[-1] + (2 if ord(char) > 0xFFFF else 1))
    return [at[place] for pair in offsets for place in pair]


def tokenizer(name):
    file, change = changes[name]
    made = {**json.loads((here / file).read_text("utf8")), "truncation": None, "padding": None}
    made = {**made, **{key: value for key, value in change.items() if key != "more"}}
    made["added_tokens"] = made["added_tokens"] + change.get("more", [])
    return Tokenizer.from_str(json.dumps(made))


cases, windows, split = [], [], []
for name in changes:
    made = tokenizer(name)
    every = 1 if name in ("tiny", "byte-level", "unigram") else 4
    for at, one in enumerate(texts):
        # Python's offsets are one off behind a character that the character map drops at the beginning.
        if at % every or ("unigram" in name and "\x1f" in one):
            continue
        encoding = made.encode(one, add_special_tokens=False)
        cases.append([name, at, encoding.ids, utf16(one, encoding.offsets)])
# RoBERTa's own tokenizer.json has no prefix; with one, Python leaves the space in at the beginning of every window.
for name in ("tiny", "byte-level", "unigram"):
    made = tokenizer(name)
    for at in range(0, 20):
        row = [one for one in texts[at * 4 : at * 4 + 4]] + ["the", "children's"]
        most = chance.choice([8, 20, 200])
        for side in ("right", "left"):
            made.enable_truncation(most, direction=side)
            encoding = made.encode(row, is_pretokenized=True)
            made.no_truncation()
            full = made.encode(row, is_pretokenized=True, add_special_tokens=False)
            first = [full.word_ids.index(w) if w in full.word_ids else -1 for w in range(len(row))]
            room = most - made.num_special_tokens_to_add(False)
            cut = max(0, len(full.ids) - room) if side == "left" else 0
            starts = [f - cut + 1 if f >= 0 and cut <= f < cut + room else -1 for f in first]
            split.append([name, at, most, side, encoding.ids, starts])
    for at in range(0, 12):
        question, context = texts[at + 60][:12], " ".join(texts[100 + at : 104 + at]).replace("\x1f", "")
        tokens = len(made.encode(question, add_special_tokens=False).ids) + made.num_special_tokens_to_add(True)
        room = chance.choice([6, 16, 40])
        stride = chance.randint(0, room - 1)
        for side in ("right", "left"):
            made.enable_truncation(tokens + room, stride=stride, strategy="only_second", direction=side)
            first = made.encode(question, context)
            found = []
            for encoding in [first, *first.overflowing]:
                places = utf16(context, [o if s == 1 else (0, 0) for o, s in zip(encoding.offsets, encoding.sequence_ids)])
                inside = [p if encoding.sequence_ids[i // 2] == 1 else -1 for i, p in enumerate(places)]
                found.append([encoding.ids, inside])
            made.no_truncation()
            windows.append([name, question, context, tokens + room, stride, side, found])


def lines(rows):
    return ",\n".join(json.dumps(row, ensure_ascii=True, separators=(",", ":")) for row in rows)


vectors = f"""{{"made":"make-tokenizer-offsets.py, tokenizers {__version__}, sentencepiece {sentencepiece.__version__}",
"changes":{json.dumps({name: [file, change] for name, (file, change) in changes.items()})},
"texts":[
{lines(texts)}
],
"cases":[
{lines(cases)}
],
"words":[
{lines(split)}
],
"windows":[
{lines(windows)}
]}}
"""
(here / "tokenizer-offsets.json.gz").write_bytes(gzip.compress(vectors.encode(), mtime=0))
