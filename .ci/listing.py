"""Write the two pages of the site that list others: `python .ci/listing.py`.

nbs/api.qmd      every public name of the package, a line each, linked to where it is documented
nbs/tutorials.qmd  the tutorials in their reading order, each with a picture of its own
nbs/images/tutorials/  these pictures, small; written only where the tutorial shows another one now

Names and sentences come from the modules, links from `contextssl/_modidx.py`, the order from _quarto.yml.
"""

import ast
import base64
import html
import io
import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MADE = "<!-- Made by .ci/listing.py: edit that file, not this one. -->"
SIZE, QUALITY = (240, 150), 50  # of a picture: pixels, WebP
SAME = 12  # of 255: how far two pictures of one drawing may differ on average
SHOWN = {
    "quickstart": 5,
    "fair_tables": 2,
    "reading_a_context": 2,
}  # which picture of a tutorial, if not the first
PICTURE = re.compile(r"^!\[[^\]]*\]\(([^)\s]+\.png)\)", re.MULTILINE)


def cells(notebook: Path) -> list:
    return json.loads(notebook.read_text(encoding="utf-8"))["cells"]


def opening(notebook: Path) -> tuple:
    "Title and sentence of a notebook."
    first = "".join(cells(notebook)[0]["source"])
    title, _, rest = first.partition("\n")
    return title.removeprefix("# ").strip(), rest.strip().removeprefix("> ").partition("\n")[0]


def quarto() -> str:
    return (ROOT / "_quarto.yml").read_text(encoding="utf-8")


# ---- the tutorials


def reading_order() -> list:
    "Names of the tutorials, as the sidebar lists them."
    return re.findall(r"^\s*- tutorials/(\w+)\.ipynb$", quarto(), re.MULTILINE)


def pictures(notebook: Path) -> list:
    "The drawings of a notebook, as PNG, in their order."
    found = []
    for cell in cells(notebook):
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                found.append(base64.b64decode("".join(output["data"]["image/png"])))
        if cell["cell_type"] == "markdown":
            for name in PICTURE.findall("".join(cell["source"])):
                found.append((notebook.parent / name).read_bytes())
    return found


def thumbnail(notebook: Path):
    "The picture by which a tutorial is recognised, small, on white."
    from PIL import Image

    drawn = Image.open(io.BytesIO(pictures(notebook)[SHOWN.get(notebook.stem, 0)])).convert("RGBA")
    small = Image.new("RGB", SIZE, "white")
    drawn.thumbnail(SIZE, Image.LANCZOS)
    corner = ((SIZE[0] - drawn.width) // 2, (SIZE[1] - drawn.height) // 2)
    small.paste(drawn, corner, drawn)
    return small


def shows(file: Path, wanted) -> bool:
    "Whether a file holds this picture, up to what packing and scaling change."
    from PIL import Image, ImageChops, ImageStat

    if not file.exists():
        return False
    with Image.open(file) as kept:
        if kept.size != wanted.size:
            return False
        difference = ImageStat.Stat(ImageChops.difference(kept.convert("RGB"), wanted))
    return max(difference.mean) < SAME


def tutorials() -> str:
    "The page that lists the tutorials."
    cards = []
    for name in reading_order():
        title, sentence = map(html.escape, opening(ROOT / f"nbs/tutorials/{name}.ipynb"))
        picture = f'<img src="images/tutorials/{name}.webp" alt="From the page: {title}">'
        link = f'<a href="tutorials/{name}.ipynb">'
        cards.append(f"<div>{link}{picture}</a>\n{link}<b>{title}</b></a>\n<p>{sentence}</p></div>")
    head = '---\ntitle: "Tutorials"\ndescription: "In the order in which they are read"\n---'
    return f"{head}\n\n{MADE}\n\n" + '<div class="cards">\n' + "\n".join(cards) + "\n</div>\n"


# ---- the public names


def chapters() -> dict:
    "Dotted name of a module -> its notebook, seen from nbs/, in the order of the sidebar."
    found = {}
    for page in re.findall(r"^\s*- (\S+\.ipynb)$", quarto(), re.MULTILINE):
        code = "\n".join("".join(cell["source"]) for cell in cells(ROOT / "nbs" / page))
        if match := re.search(r"^#\s*\| default_exp ([\w.]+)", code, re.MULTILINE):
            found[match[1]] = page
    return found


def sections() -> dict:
    "Notebook -> the section of the sidebar that it stands in."
    found, section = {}, ""
    for line in quarto().splitlines():
        if match := re.search(r'section: "(.*)"', line):
            section = match[1]
        elif match := re.search(r"^\s*- (\S+\.ipynb)$", line):
            found[match[1]] = section
    return found


def told(text: str, tree, name: str) -> str:
    "The first sentence about a public name of a module; of a constant, the comment beside it."
    for node in tree.body:
        if isinstance(node, ast.Assign) and name in map(ast.unparse, node.targets):
            return text.splitlines()[node.lineno - 1].partition("  # ")[2].strip()
        if getattr(node, "name", "") == name:
            return re.split(r"(?<=[.:;]) ", " ".join((ast.get_docstring(node) or "").split()))[0]
    return ""


def anchors() -> dict:
    "Dotted name of a symbol -> its anchor on the page that documents it."
    space = {}
    exec((ROOT / "contextssl/_modidx.py").read_text(encoding="utf-8"), space)
    found = {}
    for symbols in space["d"]["syms"].values():
        found |= {name: page.partition("#")[2] for name, (page, _) in symbols.items()}
    return found


def public(tree) -> list:
    "What a module lists under `__all__`."
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return ast.literal_eval(node.value)
    return []


def api() -> str:
    "The page that lists the public names."
    head = '---\ntitle: "All names"\ndescription: "Every public name of the package, and the chapter that builds it"\n---'
    lines, where, known = [head, MADE], sections(), anchors()
    section = None
    for module, page in chapters().items():
        file = ROOT / "contextssl" / f"{module.replace('.', '/')}.py"
        text = file.read_text(encoding="utf-8")
        tree = ast.parse(text)
        names = sorted(public(tree), key=str.lower)
        if not names:
            continue
        if where[page] != section:
            section = where[page]
            lines.append(f"## {section}")
        rows = [f"**[contextssl.{module}]({page})**", ""]
        for name in names:
            anchor = known.get(f"contextssl.{module}.{name}", "")
            said = told(text, tree, name).rstrip(".:;")
            rows.append(f"- [{name}]({page}{'#' * bool(anchor)}{anchor}) {said}".rstrip())
        lines.append("\n".join(rows))
    return "\n\n".join(lines) + "\n"


def main():
    folder = ROOT / "nbs/images/tutorials"
    folder.mkdir(parents=True, exist_ok=True)
    order = reading_order()
    for name in order:
        wanted, file = thumbnail(ROOT / f"nbs/tutorials/{name}.ipynb"), folder / f"{name}.webp"
        if not shows(file, wanted):
            wanted.save(file, quality=QUALITY, method=6)
    for file in folder.glob("*.webp"):
        if file.stem not in order:
            file.unlink()
    (ROOT / "nbs/tutorials.qmd").write_text(tutorials(), encoding="utf-8")
    (ROOT / "nbs/api.qmd").write_text(api(), encoding="utf-8")


if __name__ == "__main__":
    main()
