"""Write README.md from nbs/index.ipynb: `python .ci/readme.py`; with `--check`, only say whether it is up to date.

Cells flagged `#| hide` are left out, `#| echo: false` leaves out the code, `#| output: false` the outputs. Links and
images are written in the notebook as seen from nbs/ (`images/x.png`, `../LICENSE`) and rewritten as seen from the top.
"""

import argparse
import json
import posixpath
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIRECTIVE = re.compile(r"^\s*#\s*\|\s*(\w+)\s*(?::\s*(\S+))?.*$")
LINK = re.compile(r'(\]\(|\b(?:src|href)=")(?![a-z]+:|#|/)([^)\s"#]+)', re.IGNORECASE)
FENCE = re.compile(r"^(`{3,}|~{3,}).*?^\1", re.MULTILINE | re.DOTALL)


def split_directives(source: str):
    "The nbdev directives at the head of a cell as a dict, and the lines below them."
    lines, found = source.splitlines(), {}
    while lines and (not lines[0].strip() or DIRECTIVE.match(lines[0])):
        match = DIRECTIVE.match(lines.pop(0))
        if match:
            found[match[1]] = match[2] or "true"
    return found, "\n".join(lines)


def from_the_top(text: str) -> str:
    "Rewrite relative links of a markdown text, outside code fences, and refuse those that lead nowhere."

    def rewrite(match):
        target = posixpath.normpath(posixpath.join("nbs", match[2]))
        if not (ROOT / target).exists():
            sys.exit(f"nbs/index.ipynb links to {match[2]}, but there is no {target}")
        return match[1] + target

    parts, start = [], 0
    for fence in FENCE.finditer(text):
        parts += [LINK.sub(rewrite, text[start : fence.start()]), fence[0]]
        start = fence.end()
    return "".join(parts) + LINK.sub(rewrite, text[start:])


def joined(text) -> str:
    "Notebook text: a string or a list of lines."
    return text if isinstance(text, str) else "".join(text)


def output_text(output: dict) -> str:
    "One output of a code cell as markdown; a picture is refused, since it would need a file beside README.md."
    if output["output_type"] == "stream":
        return f"```text\n{joined(output['text']).rstrip()}\n```"
    data = output.get("data", {})
    if "image/png" in data or "image/svg+xml" in data:
        sys.exit(
            "nbs/index.ipynb has a picture as output: save it in nbs/images/ and write ![text](images/NAME.png)"
        )
    if "text/markdown" in data:
        return from_the_top(joined(data["text/markdown"]).strip())
    return f"```text\n{joined(data.get('text/plain', '')).rstrip()}\n```"


def cell_parts(cell: dict):
    "What one cell adds to the README, piece by piece."
    source = joined(cell["source"])
    if cell["cell_type"] == "markdown":
        yield from_the_top(source.strip())
    if cell["cell_type"] != "code":
        return
    directives, code = split_directives(source)
    if directives.keys() & {"hide", "exporti", "default_exp"}:
        return
    if code.strip() and "hide_input" not in directives and directives.get("echo") != "false":
        yield f"```python\n{code.strip()}\n```"
    if "hide_output" not in directives and directives.get("output") != "false":
        yield from (output_text(output) for output in cell["outputs"])


def readme(notebook: Path) -> str:
    "The text of README.md."
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    parts = [
        "<!-- Made from nbs/index.ipynb by .ci/readme.py: edit the notebook, not this file. -->"
    ]
    parts += [part for cell in cells for part in cell_parts(cell) if part]
    return "\n\n".join(parts) + "\n"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 if README.md is not up to date"
    )
    args = parser.parse_args()
    notebook, target = ROOT / "nbs/index.ipynb", ROOT / "README.md"
    if not notebook.exists():
        sys.exit("there is no nbs/index.ipynb to make README.md from")
    text = readme(notebook)
    if target.exists() and target.read_text(encoding="utf-8") == text:
        return
    if args.check:
        sys.exit("README.md differs from nbs/index.ipynb: run python .ci/readme.py")
    target.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
