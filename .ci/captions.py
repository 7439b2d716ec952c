"""Number the figures of notebooks: `python .ci/captions.py nbs/03_metrics.ipynb [...]`, or all without a name.

A caption is a paragraph in italics right under its picture, `*Figure 2. What it shows.*`, and a page counts from 1. Who
adds a figure writes `*What it shows.*` and runs this. Sentences that name a figure by its number are not changed. The
front page is left out: it has to stay short.
"""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CAPTION = re.compile(r"\*Figure (\d+)\. ")
IN_PROSE = re.compile(r"^!\[[^\]\n]*\]\([^)\n]+\)\n+\*(?!\*)", re.MULTILINE)


def source(cell: dict) -> str:
    return "".join(cell["source"])


def shows_a_picture(cell: dict) -> bool:
    return any("image/png" in output.get("data", {}) for output in cell.get("outputs", []))


def with_number(text: str, start: int, number: int) -> str:
    "A text whose caption, the italics that begin at `start`, has a number."
    old = CAPTION.match(text, start)
    return f"{text[:start]}*Figure {number}. {text[old.end() if old else start + 1 :]}"


def numbered(found: list) -> int:
    "Number the captions in the cells of a notebook; how many there are."
    number, under = 0, False
    for cell in found:
        text = source(cell)
        if cell["cell_type"] == "markdown":
            if under and re.match(r"\*(?!\*)", text):
                number += 1
                text = with_number(text, 0, number)
            at = 0
            while picture := IN_PROSE.search(text, at):
                number, at = number + 1, picture.end()
                text = with_number(text, at - 1, number)
            if text != source(cell):
                cell["source"] = text.splitlines(keepends=True)
        under = shows_a_picture(cell) or (under and not text.strip())
    return number


def numbers_of_figures(found: list) -> tuple:
    "Numbers of the captions of a notebook, and what is wrong with its figures."
    numbers, problems = [], []
    for k, cell in enumerate(found):
        below = [c for c in found[k + 1 :] if c["cell_type"] == "markdown" or source(c).strip()]
        if shows_a_picture(cell):
            captioned = below and below[0]["cell_type"] == "markdown"
            if not captioned or not CAPTION.match(source(below[0])):
                problems.append(
                    f"no caption (*Figure 1. ...*) stands under the figure of {cell['id']}"
                )
        if cell["cell_type"] == "markdown":
            numbers += [int(n) for n in CAPTION.findall(source(cell))]
            if re.search(r"^!\[", source(cell), re.MULTILINE) and not CAPTION.search(source(cell)):
                problems.append(f"the picture in {cell['id']} has no caption (*Figure 1. ...*)")
    if numbers != list(range(1, len(numbers) + 1)):
        problems.append(f"its figures have the numbers {numbers}")
    return numbers, problems


def main(paths: list):
    everything = (p for p in sorted(ROOT.glob("nbs/**/*.ipynb")) if p.name != "index.ipynb")
    for path in map(Path, paths) if paths else everything:
        before = path.read_text(encoding="utf-8")
        notebook = json.loads(before)
        count = numbered(notebook["cells"])
        after = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
        if json.loads(before) != notebook:
            path.write_text(after, encoding="utf-8")
            print(f"{path.name}: {count} figures")


if __name__ == "__main__":
    main(sys.argv[1:])
