"""Steps of nbdev's processing of the notebooks for the site; settings.ini names them under `procs`.

nbdev turns names in backticks into links, also in the comments of a signature, where a link shows as it is written.
It drops cells marked `#| exporti`, to whose names it links all the same; here they stay, without an entry in the
reference. It shows all sources open; here those of helpers, whose names begin with an underscore, open by a click.
"""

import ast
import re

from execnb.nbio import mk_cell
from nbdev.process import Processor

SIGNATURE = re.compile(r"^```python\n.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[(`[^`]+`)\]\([^)\s]+\)")
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def plain_signatures(cell):
    "Take the links out of the signatures that `show_doc` has put into the outputs of a cell."
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if "text/markdown" in data:
            text = "".join(data["text/markdown"])
            data["text/markdown"] = SIGNATURE.sub(
                lambda signature: LINK.sub(r"\1", signature[0]), text
            ).splitlines(True)


def defined(source: str) -> list:
    "Functions and classes of a cell, and the methods of these classes: the names that nbdev links."
    names = []
    for node in ast.parse(source).body:
        if isinstance(node, DEFINITIONS):
            names.append(node.name)
        if isinstance(node, ast.ClassDef):
            inside = (m.name for m in node.body if isinstance(m, DEFINITIONS))
            names += [f"{node.name}.{name}" for name in inside]
    return names


def folded(source: str) -> str:
    "How a cell opens: folded (`true`) if all names that it makes begin with an underscore, else open (`show`)."
    code = "\n".join("" if line.startswith(("%", "!")) else line for line in source.splitlines())
    names = []
    for node in ast.parse(code).body:
        if isinstance(node, DEFINITIONS):
            names.append(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            made = node.targets if isinstance(node, ast.Assign) else [node.target]
            names += [n.id for target in made for n in ast.walk(target) if isinstance(n, ast.Name)]
    return "true" if names and all(name.startswith("_") for name in names) else "show"


class InternalSource(Processor):
    "In place of nbdev's `rm_export`: internal cells keep their source and get an anchor for each name."

    def begin(self):
        "Put the anchors before the cells."
        cells = self.nb.cells
        for cell in reversed([c for c in cells if "exporti" in c.directives_]):
            if names := defined(cell.source):
                anchors = "".join(f'<a id="{name.lower()}"></a>' for name in names)
                cells.insert(cell.idx_, mk_cell(anchors, "markdown"))

    def cell(self, cell):
        "Fold the source of an internal cell, and of an exported one that holds helpers alone; drop what is not shown."
        directives = cell.directives_.keys()
        if "exporti" in directives:
            fold = "" if "code-fold:" in directives else f"#| code-fold: {folded(cell.source)}\n"
            cell.source = f'{fold}#| code-summary: "Internal source"\n{cell.source}'
        elif "exports" in directives and folded(cell.source) == "true":
            closed = cell.source.replace("#| code-fold: show", "#| code-fold: true", 1)
            cell.source = closed.replace('"Exported source"', '"Internal source"', 1)
        elif directives & {"export", "hide", "default_exp"}:
            del cell["source"]
