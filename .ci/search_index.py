"""Take code and outputs out of the site's search index: `python .ci/search_index.py _docs`, after `nbdev_docs`.

Three quarters of what Quarto puts into search.json are code and what it printed: the file takes seconds to read on a
phone, and a name is found in every page that imports it. Each entry gets the prose of its section anew, from the page
itself. The headings of functions and classes stay, by which they are found.
"""

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

LEFT_OUT = {"pre", "script", "style", "svg", "math", "button", "nav", "h1"}
OUTPUT = {"cell-output", "sourceCode", "cell-code"}
INLINE = {"a", "b", "code", "em", "i", "kbd", "span", "strong", "sub", "sup"}
EMPTY = {
    "area",
    "base",
    "br",
    "col",
    "embed",
    "hr",
    "img",
    "input",
    "link",
    "meta",
    "source",
    "wbr",
}


class Prose(HTMLParser):
    "The prose of a page: anchor of a section -> its text, without that of the sections in it."

    def __init__(self):
        super().__init__()
        self.texts, self.open, self.main = {"": []}, [], 0

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if tag in EMPTY:
            return self.handle_data(" ")
        silent = tag in LEFT_OUT or bool(OUTPUT & set((a.get("class") or "").split()))
        anchor = a.get("id") if tag == "section" else None
        self.main += tag == "main"
        self.open.append((tag, silent, anchor))
        if anchor:
            self.texts.setdefault(anchor, [])

    def handle_endtag(self, tag):
        if tag not in INLINE:
            self.handle_data(" ")
        if tag not in [name for name, _, _ in self.open]:
            return
        while self.open:
            last = self.open.pop()[0]
            self.main -= last == "main"
            if last == tag:
                return

    def handle_data(self, data):
        if self.main and not any(silent for _, silent, _ in self.open):
            anchors = [anchor for _, _, anchor in self.open if anchor]
            self.texts[anchors[-1] if anchors else ""].append(data)


def prose(page: str) -> dict:
    "Anchor -> text of one line."
    reader = Prose()
    reader.feed(page)
    return {anchor: " ".join("".join(parts).split()) for anchor, parts in reader.texts.items()}


def cleaned(entries: list, pages: dict) -> list:
    "Entries of search.json with the prose of their section; `pages` are the sections of each page by its address."
    found = []
    for entry in entries:
        address, _, anchor = entry["href"].partition("#")
        sections = pages.get(address, {})
        if anchor in sections:
            entry = entry | {"text": sections[anchor]}
        found.append(entry)
    return found


def main():
    site = Path(sys.argv[1])
    file = site / "search.json"
    entries = json.loads(file.read_text(encoding="utf-8"))
    addresses = {entry["href"].partition("#")[0] for entry in entries}
    there = {a: site / a for a in addresses if re.search(r"\.html$", a) and (site / a).is_file()}
    pages = {a: prose(path.read_text(encoding="utf-8")) for a, path in there.items()}
    if not pages:
        sys.exit(f"{file} names no page of {site}")
    before = file.stat().st_size
    text = json.dumps(cleaned(entries, pages), ensure_ascii=False, indent=1)
    file.write_text(text, encoding="utf-8")
    print(f"search.json: {before:,} bytes, {file.stat().st_size:,} without code and outputs")


if __name__ == "__main__":
    main()
