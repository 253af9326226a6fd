"""Classes of all code points as Python's tokenizers see them: the tables of src/data/tokenizer/unicode.ts, and the
digest that test/data/tokenizer-unicode.test.ts compares them with. Run: python make-tokenizer-unicode.py"""

import hashlib

from tokenizers import __version__, normalizers, pre_tokenizers

off = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
clean = normalizers.BertNormalizer(**{**off, "clean_text": True})
han = normalizers.BertNormalizer(**{**off, "handle_chinese_chars": True})
accents = normalizers.BertNormalizer(**{**off, "strip_accents": True})
combining = normalizers.StripAccents()
split = pre_tokenizers.BertPreTokenizer()
REMOVED, SPACE, HAN, MARK, PUNCTUATION, COMBINING = 1, 2, 4, 8, 16, 32


def classes(char):
    text = f"a{char}b"
    pieces = len(split.pre_tokenize_str(text))
    return (
        (clean.normalize_str(text) == "ab") * REMOVED
        + (pieces == 2) * SPACE
        + (han.normalize_str(text) == f"a {char} b") * HAN
        + (accents.normalize_str(text) == "ab") * MARK
        + (pieces == 3) * PUNCTUATION
        + (combining.normalize_str(text) == "ab") * COMBINING
    )


# Python cannot hand a lone surrogate over; it counts as U+FFFD, which is removed.
table = bytes(REMOVED if 0xD800 <= c < 0xE000 else classes(chr(c)) for c in range(0x110000))


def base36(n):
    digits = ""
    while n or not digits:
        digits, n = "0123456789abcdefghijklmnopqrstuvwxyz"[n % 36] + digits, n // 36
    return digits


for name, bit in ("removed", 1), ("space", 2), ("han", 4), ("mark", 8), ("punctuation", 16), ("combining", 32):
    words, end, at = [], 0, 0
    while at < 0x110000:
        if table[at] & bit:
            begin = at
            while at < 0x110000 and table[at] & bit:
                at += 1
            words.append(base36(begin - end) + ("" if at - begin == 1 else "+" + base36(at - begin)))
            end = at
        at += 1
    lines, line = [], ""
    for word in words:
        if len(line) + len(word) > 115:
            lines.append(line)
            line = ""
        line += ("  " if not line else " ") + word
    print(f"const {name} = `\n" + "\n".join(lines + [line]) + "\n`;\n")
print(f"tokenizers {__version__}, sha256 of one byte a code point:", hashlib.sha256(table).hexdigest())
