"""Steps of nbdev's processing of the notebooks for the site; settings.ini names them under `procs`.

nbdev turns names in backticks into links, also in the comments of a signature, where a link shows as it is written.
It drops cells marked `#| exporti`, to whose names it links all the same; here they stay, without an entry in the
reference.
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
        "Fold the source of an internal cell; drop what is shown by its entry, or not at all."
        if "exporti" in cell.directives_:
            fold = "" if "code-fold:" in cell.directives_ else "#| code-fold: show\n"
            cell.source = f'{fold}#| code-summary: "Internal source"\n{cell.source}'
        elif cell.directives_.keys() & {"export", "hide", "default_exp"}:
            del cell["source"]
