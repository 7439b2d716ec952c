"""Do the checks find what they are for? Each test makes a small faulty repository and asks one check.

python .ci/test_checks.py
"""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import checks

OPENING = "# Title\n\n> One line."
CACHED = (checks.notebooks, checks.cells, checks.modules, checks.settings)


def markdown(text: str) -> dict:
    return dict(cell_type="markdown", id="prose", metadata={}, source=text)


def code(text: str, *outputs: dict) -> dict:
    made = dict(cell_type="code", id="cell", metadata={}, source=text)
    return made | dict(outputs=list(outputs), execution_count=1)


class Repository(unittest.TestCase):
    "A repository of a few files in a temporary folder, which the checks take for theirs."

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.addCleanup(setattr, checks, "ROOT", checks.ROOT)
        checks.ROOT = self.root
        for cached in CACHED:
            cached.cache_clear()
            self.addCleanup(cached.cache_clear)
        (self.root / "nbs/results").mkdir(parents=True)

    def notebook(self, name: str, *cells: dict):
        path = self.root / "nbs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(dict(cells=list(cells))))

    def module(self, name: str, text: str):
        path = self.root / "contextssl" / f"{name.replace('.', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def found(self, check: str) -> str:
        return "\n".join(checks.CHECKS[check]())


class Notebooks(Repository):
    def test_opening(self):
        self.notebook("00_good.ipynb", markdown(OPENING))
        self.assertEqual(self.found("openings"), "")
        self.notebook("01_bad.ipynb", markdown("# Title"))
        checks.notebooks.cache_clear()
        self.assertIn("01_bad.ipynb does not begin", self.found("openings"))

    def test_outputs(self):
        path = dict(output_type="stream", text="saved in /home/somebody/run")
        error = dict(output_type="error", ename="ValueError")
        self.notebook("00_machine.ipynb", code("run()", path))
        self.notebook("01_error.ipynb", code("run()", error))
        found = self.found("outputs")
        self.assertIn("names a machine path, /home/somebody", found)
        self.assertIn("the output is an error, ValueError", found)

    def test_sizes(self):
        self.notebook("00_heavy.ipynb", markdown("x" * checks.NOTEBOOK_LIMIT))
        subprocess.run(["git", "init", "-q"], cwd=self.root, check=True)
        self.addCleanup(setattr, checks, "run", checks.run)
        run = checks.run
        checks.run = lambda *command, **more: run(*command, **{"cwd": self.root, **more})
        self.assertIn("nbs/00_heavy.ipynb has", self.found("sizes"))

    def test_lines(self):
        long = "a = '" + "x" * 100 + "'"
        self.notebook("00_exported.ipynb", code(f"#| export\n{long}"))
        self.notebook("01_tests.ipynb", code("\n".join(["%time 1", long, *["b = 1"] * 60])))
        found = self.found("lines")
        self.assertIn("00_exported.ipynb, cell cell, line 2 is over 100", found)
        self.assertIn("1 of 62 lines that are not exported", found)

    def test_dense_lines(self):
        self.notebook("00_dense.ipynb", code("x = [" + "1, " * 30 + "1]"))
        self.assertIn("1 of 1 lines have more than 35 tokens", self.found("lines"))

    def test_the_log_of_the_test_command(self):
        self.notebook("00_ran.ipynb", markdown(OPENING))
        self.notebook("01_failed.ipynb", markdown(OPENING))
        self.notebook("02_forgotten.ipynb", markdown(OPENING))
        ran, failed = self.root / "nbs/00_ran.ipynb", self.root / "nbs/01_failed.ipynb"
        verdict = "nbdev Tests Failed On The Following Notebooks:\n\t01_failed.ipynb\n"
        log = f"Starting {ran}\nStarting {failed}\n{verdict}"
        results = checks.notebook_results(log, 1)
        said = [results[f"nbs/{n}.ipynb"] for n in ("00_ran", "01_failed", "02_forgotten")]
        self.assertEqual(said, [None, "failed", "was not run"])

    def test_provenance(self):
        (self.root / "nbs/results/a.json").write_text("{}")
        (self.root / "nbs/results/b.json").write_text("{}")
        table = "| `a.json` | `contextssl demo` |\n| `c.json` | |\n"
        (self.root / "nbs/results/README.md").write_text(table)
        found = self.found("provenance")
        self.assertIn("does not say where b.json comes from", found)
        self.assertIn("lists c.json, which is not there", found)
        self.assertIn("names no command for c.json", found)


class Tutorials(Repository):
    BADGE = "[![Open in Colab](https://badge.svg)](https://colab)\n\n"
    END = "## Exercises\n\n<details><summary>Answer</summary>\n\nYes.\n\n</details>\n\n"

    def setUp(self):
        super().setUp()
        rows = "\n".join(f"          - tutorials/{name}.ipynb" for name in ("first", "second"))
        (self.root / "nbs/_quarto.yml").write_text(f"website:\n{rows}\n")
        self.front("first", "second")
        self.tutorial("first", end="Next: [second](second.ipynb), and so on.")
        self.tutorial("second", end="This is the last one.")

    def front(self, *names: str):
        rows = "\n".join(f"| [its title](tutorials/{name}.ipynb) | what |" for name in names)
        self.notebook("index.ipynb", markdown(rows))

    def tutorial(self, name: str, *middle: dict, question="**Why?**", end=""):
        first = [markdown(OPENING), markdown(self.BADGE + question)]
        self.notebook(f"tutorials/{name}.ipynb", *first, *middle, markdown(self.END + end))

    def test_sound(self):
        picture = code("plot()", dict(output_type="display_data", data={"image/png": "x"}))
        caption = markdown("*Figure 1. A line.*")
        self.tutorial("second", picture, caption, end="This is the last one.")
        self.assertEqual(self.found("tutorials"), "")

    def test_order(self):
        self.front("second", "first")
        self.tutorial("first", end="Next: [first](first.ipynb).")
        self.tutorial("third", end="This is the last one.")
        found = self.found("tutorials")
        self.assertIn("_quarto.yml does not list tutorials/third.ipynb", found)
        self.assertIn("first.ipynb: does not end with a line Next: [...](second.ipynb)", found)
        self.assertIn("the front page lists second, first", found)

    def test_opening_and_end(self):
        self.tutorial("second", question="It has no question.")
        self.notebook("tutorials/first.ipynb", markdown(OPENING), markdown("**Why?**"))
        found = self.found("tutorials")
        self.assertIn("second.ipynb: does not open with its question", found)
        self.assertIn("first.ipynb: has no ## Exercises", found)

    def test_figures_and_lines(self):
        picture = code("x" * 101, dict(output_type="display_data", data={"image/png": "x"}))
        link = markdown("![a picture](../images/a.png)")
        caption = markdown("*Figure 2. A line.*")
        self.tutorial("second", picture, link, picture, caption)
        found = self.found("tutorials")
        self.assertIn("second.ipynb: no caption (*Figure 1. ...*) stands under the figure", found)
        self.assertIn("second.ipynb: the picture in prose has no caption", found)
        self.assertIn("second.ipynb: its figures have the numbers [2]", found)
        self.assertIn("second.ipynb: has a line of 101 columns", found)


class Modules(Repository):
    def test_docments(self):
        self.module(
            "a",
            "import torch\n\n\ndef f(x, y: torch.Tensor, z: int) -> int:\n    return 1\n",
        )
        found = self.found("docments")
        self.assertIn("a.f has no docstring", found)
        self.assertIn("a.f: parameter x has no type", found)
        self.assertIn("a.f: parameter y has no shape", found)
        self.assertNotIn("parameter z", found)

    def test_imports(self):
        self.notebook("00_low.ipynb", code("#| default_exp low"))
        self.notebook("data/00_high.ipynb", code("#| default_exp data.high"))
        self.module("low", "from .data.high import x\nimport nbdev\n")
        self.module("data.high", "from ..low import y\n")
        self.module("data.stray", "x = 1\n")
        found = self.found("imports").splitlines()
        self.assertIn("low imports contextssl.data.high, which is not below it", found)
        self.assertIn("low imports nbdev, which users do not install", found)
        self.assertIn("contextssl/data/stray.py is exported by no notebook", found)
        self.assertEqual(len(found), 3)

    def test_house(self):
        many = ", ".join("abcdefgh")
        self.module("one", f"__all__ = ['f']\n\n\ndef f({many}):\n    pass\n")
        self.module("two", "__all__ = ['f']\n" + "\n" * checks.MODULE_LINES)
        found = self.found("house").splitlines()
        self.assertIn("one.f takes 8 parameters, more than 7", found)
        self.assertIn("f is defined in one and in two: a public name has one meaning", found)
        self.assertIn("contextssl/two.py has 451 lines", "\n".join(found))
        self.assertEqual(len(found), 3)

    def test_a_sound_repository_is_passed(self):
        self.notebook("00_low.ipynb", markdown(OPENING), code("#| default_exp low"))
        self.module(
            "low", "__all__ = ['f']\n\n\ndef f(x: int) -> int:\n    'Twice x.'\n    return 2 * x\n"
        )
        for check in ("openings", "outputs", "docments", "imports", "lines", "house"):
            with self.subTest(check):
                self.assertEqual(self.found(check), "")


if __name__ == "__main__":
    unittest.main()
