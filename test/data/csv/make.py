"""Makes odd.csv, odd-semicolon.csv and what Python's csv module reads in them as JSON: python make.py"""
import csv
import io
import json
import os

here = os.path.dirname(os.path.abspath(__file__))
rows = [
    ["text", "label"],
    ["plain", "a"],
    ["comma, within", "b"],
    ['quote " within', "c"],
    ['"', "d"],
    ["two\nlines", "e"],
    ["CRLF\r\nwithin", "f"],
    ["blank\n\nline within; and more", "g"],
    [" spaces around ", "h"],
    ["ünï 日本 \U0001f600", "i"],
    ['ends with ""', "j"],
    ["tab\there", "k"],
    ["'single' and back\\slash", "l"],
]
# as people type it: quotes in a field that does not begin with one, an empty field in quotes, no line end at the end
typed = 'a "quoted" word,m\r\n"",n\r\n"o ""p""",o'


def write(name, delimiter):
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(rows)
    text = out.getvalue() + typed.replace(",", delimiter)
    with open(os.path.join(here, name + ".csv"), "w", newline="", encoding="utf-8") as file:
        file.write(text)
    # line_num counts the lines read so far: a row begins after the row before it
    reader, read, line = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [], 1
    for fields in reader:
        read.append({"line": line, "fields": fields})
        line = reader.line_num + 1
    with open(os.path.join(here, name + ".json"), "w", encoding="utf-8") as file:
        json.dump(read, file, ensure_ascii=False, indent=1)
        file.write("\n")


write("odd", ",")
write("odd-semicolon", ";")
