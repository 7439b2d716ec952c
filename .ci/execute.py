"""Run notebooks in place and keep their outputs: `python .ci/execute.py nbs/03_metrics.ipynb [...] [--flags slow gpu]`.

The kernel starts in the notebook's folder, as `nbdev_test` does. Cells marked `#| eval: false`, or with a flag
listed in `tst_flags` of settings.ini, keep the outputs they have unless the flag is named. A failing cell stops the
run with its traceback and the notebook file stays as it was. Pictures are stored as `.ci/pictures.py` makes them.
"""

import argparse
import os
import re
import sys
import time
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
os.environ["IN_TEST"] = "1"

from execnb.nbio import read_nb, write_nb
from execnb.shell import CaptureShell
from nbdev.clean import clean_nb
from nbdev.config import get_config
from pictures import lighten

FLAG = re.compile(r"^\s*#\s*\|\s*(\w+)(?:\s*:\s*(\w+))?\s*$")


def flags_of(source: str) -> set:
    "The bare flags (`#| slow`) of a cell, plus 'never' for `#| eval: false`."
    found = set()
    for line in source.splitlines():
        if not line.strip():
            continue
        m = FLAG.match(line)
        if not m:
            if not line.lstrip().startswith("#"):
                break
            continue
        key, value = m.groups()
        found.add(
            "never"
            if (key, value) == ("eval", "false")
            else key
            if value is None
            else f"{key}:{value}"
        )
    return found


def execute(path: Path, run_flags: set):
    path = path.resolve()
    nb = read_nb(path)
    skip_flags = (set(get_config().tst_flags.split()) | {"never"}) - run_flags
    home = os.getcwd()
    os.chdir(path.parent)
    sys.path.insert(0, str(path.parent))
    shell = CaptureShell(path, mpl_format="png")
    start, ran = time.perf_counter(), 0
    try:
        for cell in nb.cells:
            if cell.cell_type != "code" or flags_of(cell.source) & skip_flags:
                continue
            cell.outputs = []
            shell.cell(cell)
            ran += 1
            if shell.exc:
                sys.exit(
                    f"{path.name}: this cell failed\n{cell.source}\n\n{shell.prettytb(path.name)}"
                )
    finally:
        os.chdir(home)
        sys.path.remove(str(path.parent))
    clean_nb(nb)
    lighten(nb)
    write_nb(nb, path)
    print(f"{path.name}: {ran} cells in {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("notebooks", nargs="+", type=Path)
    parser.add_argument(
        "--flags", nargs="*", default=[], help="also run cells with these flags, e.g. slow"
    )
    args = parser.parse_args()
    for nb_path in args.notebooks:
        execute(nb_path, set(args.flags))
