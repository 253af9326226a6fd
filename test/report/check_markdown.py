# Checks markdown-vectors.json with an independent reader (markdown-it-py 4, CommonMark with tables, strikethrough and HTML):
# each escaped text, in a list and in a table cell, renders to nothing but its text. python check_markdown.py VECTORS
import json
import re
import sys
from html.parser import HTMLParser

from markdown_it import MarkdownIt


class Reader(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags, self.text = set(), ""

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)

    def handle_comment(self, data):
        self.tags.add("!--")

    def handle_data(self, data):
        self.text += data


def read(markdown, allowed):
    reader = Reader()
    reader.feed(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(markdown))
    assert reader.tags <= allowed | {"span"}, (markdown, reader.tags)
    return re.sub(r"\s+", " ", reader.text.replace("\u2060", "")).strip()


for vector in json.load(open(sys.argv[1])):
    escaped, text = vector["escaped"], vector["text"]
    assert read(f"- {escaped}\n", {"ul", "li"}) == text, (vector, read(f"- {escaped}\n", {"ul", "li"}))
    assert read(f"- **{escaped}**\n", {"ul", "li", "strong"}) == text, vector
    cell = read(f"| h |\n|---|\n| {escaped} |\n", {"table", "thead", "tbody", "tr", "th", "td"})
    assert cell == f"h {text}".strip(), (vector, cell)
    # in an HTML block nothing is markdown
    folded = read(f"<details>\n<summary>{escaped}</summary>\n\nx\n\n</details>\n", {"details", "summary", "p"})
    assert folded == f"{text} x", (vector, folded)
print("every text came back")
