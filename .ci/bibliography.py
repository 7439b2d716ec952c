"""The papers that the book cites: nbs/references.bib, and the places `[@key]` in the text.

Quarto makes citations and lists of references of them. A reader in Jupyter or on GitHub sees the key, which holds name
and year; `pages.py` writes names and years and puts a list below the page, so that no link leads nowhere.
"""

import html
import re
from pathlib import Path

ENTRY = re.compile(r"^@(\w+)\{([\w-]+),\s*\n(.*?)^\}", re.MULTILINE | re.DOTALL)
FIELD = re.compile(r"^\s*(\w+)\s*=\s*\{(.*)\},?\s*$", re.MULTILINE)
GROUP = re.compile(r"\[(@[a-z][\w-]*(?:;\s*@[a-z][\w-]*)*)\]")  # [@one2023a; @two2024b]
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
BRACES = str.maketrans("", "", "{}")  # they keep capitals
NEEDED = {"author", "title", "year"}
PLACE = (
    "booktitle",
    "journal",
    "publisher",
    "institution",
    "url",
)  # one of them says where it was published


def entries(file: Path) -> dict:
    "Key -> fields of an entry, its kind among them."
    text = file.read_text(encoding="utf-8")
    found = {}
    for kind, key, body in ENTRY.findall(text):
        fields = {name: value.translate(BRACES) for name, value in FIELD.findall(body)}
        found[key] = {"kind": kind} | fields
    return found


def cited(text: str) -> list:
    "Keys that a text cites, in its order; what stands in code does not count."
    groups = GROUP.findall(CODE.sub("", text))
    return [key.strip().removeprefix("@") for group in groups for key in group.split(";")]


def faults(file: Path):
    "What is wrong with the file itself: an entry that cannot be read, a key twice, a field that is missing."
    text = file.read_text(encoding="utf-8")
    begun = re.findall(r"^@\w+\{([^,\s]*)", text, re.MULTILINE)
    read = entries(file)
    yield from (f"references.bib: {key} cannot be read" for key in begun if key not in read)
    yield from (
        f"references.bib has {key} twice" for key in sorted(set(begun)) if begun.count(key) > 1
    )
    for key, fields in read.items():
        lacking = sorted(NEEDED - fields.keys())
        if not any(fields.get(name) for name in PLACE):
            lacking.append("a place where it was published")
        if lacking:
            yield f"references.bib: {key} lacks {' and '.join(lacking)}"
        if not re.fullmatch(r"\d{4}", fields.get("year", "0000")):
            yield f"references.bib: the year of {key} is {fields['year']}"


def names(fields: dict) -> list:
    "Family names of the authors."
    return [author.partition(",")[0].strip() for author in fields["author"].split(" and ")]


def label(fields: dict) -> str:
    "How a text refers to an entry."
    people = names(fields)
    who = people[0] + (f" and {people[1]}" if len(people) == 2 else " et al." if people[2:] else "")
    return f"{who} {fields['year']}"


def line(fields: dict) -> str:
    "An entry as one line of a list."
    where = next((fields[name] for name in PLACE[:-1] if name in fields), "")
    volume = f" {fields['volume']}" if "volume" in fields else ""
    title = html.escape(fields["title"])
    if "url" in fields:
        title = f'<a href="{html.escape(fields["url"])}">{title}</a>'
    where = where.replace("\\&", "&")
    parts = [", ".join(names(fields)), title, html.escape(f"{where}{volume}"), fields["year"]]
    return ". ".join(part for part in parts if part) + "."


def linked(text: str, known: dict) -> str:
    "A text with its citations as links to the list below the page."

    def written(match):
        keys = [key.strip().removeprefix("@") for key in match[1].split(";")]
        if any(key not in known for key in keys):
            return match[0]
        return "(" + "; ".join(f"[{label(known[key])}](#ref-{key})" for key in keys) + ")"

    pieces, start = [], 0
    for code in CODE.finditer(text):
        pieces += [GROUP.sub(written, text[start : code.start()]), code[0]]
        start = code.end()
    return "".join(pieces) + GROUP.sub(written, text[start:])


def below(keys: list, known: dict) -> str:
    "The list of references below a page, as HTML."
    rows = [f'<p id="ref-{key}">{line(known[key])}</p>' for key in sorted({*keys} & known.keys())]
    return "<h2>References</h2>" + "".join(rows) if rows else ""
