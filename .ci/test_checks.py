"""Do the checks find what they are for? Each test makes a small faulty repository and asks one check.

python .ci/test_checks.py
"""

import base64
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import unittest
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(1, str(Path(__file__).resolve().parent.parent))
import bibliography
import browser
import captions
import checks
import equations
import listing
import pictures
import search_index

import site_signatures

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

    def file(self, name: str, text: str):
        path = self.root / name
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


class References(Repository):
    PAPER = "@misc{%s,\n  title = {{T}itle},\n  author = {Ada, A. and Bob, B.},\n%s  url = {u}\n}\n"

    def test_references(self):
        whole = [self.PAPER % (key, "  year = {2024},\n") for key in ("one", "two", "two")]
        self.file("nbs/references.bib", "".join([*whole, self.PAPER % ("bare", "")]))
        text = (
            "One [@one; @none], in code `[@nobody]`.\n\n```\n[@nobody]\n```\nSee arXiv 2405.18193."
        )
        self.notebook("00_cites.ipynb", markdown(text), code("a = '[@nobody]'"))
        wanted = [
            "references.bib has two twice",
            "references.bib: bare lacks year",
            "00_cites.ipynb cites none, which is not in references.bib",
            "00_cites.ipynb names a paper as arXiv 2405.18193",
            "references.bib has two, which nobody cites",
            "references.bib has bare, which nobody cites",
        ]
        found = self.found("references").splitlines()
        self.assertEqual(len(found), len(wanted), found)
        for line in wanted:
            self.assertTrue(any(line in said for said in found), line)

    def test_how_a_page_shows_them(self):
        known = {"one": dict(title="T", author="Ada, A. and Bob, B.", year="2024", url="u")}
        shown = bibliography.linked("So [@one], and `[@one]`, and [@none].", known)
        self.assertEqual(shown, "So ([Ada and Bob 2024](#ref-one)), and `[@one]`, and [@none].")
        self.assertIn('id="ref-one"', bibliography.below(["one", "none"], known))


class Equations(Repository):
    def test_equations(self):
        named = "$$a=b$$ {#eq-one}\n\nBy @eq-one and `@eq-code`, @eq-none.\n\n{#eq-lost}"
        self.notebook("00_names.ipynb", markdown(named))
        more = "$$a=b$$ {#eq-one}\n\n$$c=d$$ {#eq-idle} [a](../00_names.ipynb#eq-one)"
        self.notebook("room/01_more.ipynb", markdown(more + " [b](../00_names.ipynb#eq-two)"))
        wanted = [
            "00_names.ipynb: {#eq-lost} does not stand behind an equation",
            "00_names.ipynb refers to @eq-none, which the page does not have",
            "room/01_more.ipynb links to ../00_names.ipynb#eq-two, which is not there",
            "eq-one names an equation in 00_names.ipynb and in room/01_more.ipynb",
            "room/01_more.ipynb: nobody refers to eq-idle",
            "00_names.ipynb: nobody refers to eq-lost",
        ]
        found = self.found("equations").splitlines()
        self.assertEqual(len(found), len(wanted), found)
        for line in wanted:
            self.assertTrue(any(line in said for said in found), line)

    def test_how_a_page_shows_them(self):
        shown = equations.numbered("$$a$$ {#eq-one}\n\nBy @eq-one.", {"eq-one": 3})
        wanted = '<a id="eq-one"></a>$$a\\qquad(3)$$\n\nBy [Equation 3](#eq-one).'
        self.assertEqual(shown, wanted)


class Symbols(Repository):
    def test_symbols(self):
        rows = [
            "| $a,\\ b$ | two numbers | | | [first](00_first.ipynb) |",
            "| $\\hat p$ | a row | | | [first](00_first.ipynb), [lost](01_lost.ipynb) |",
            "| $b$ second meaning | a third number | | | |",
            "| $b$ | a fourth | | | [first](00_first.ipynb) |",
            "| $p_0$ | a number that no formula of the chapter has | | | [more](02_more.ipynb) |",
        ]
        self.notebook("notation.ipynb", markdown("## Symbols\n\n" + "\n".join(rows)))
        self.notebook("00_first.ipynb", markdown("$$a+b_1$$ and $\\hat p_k$, words with z"))
        self.notebook("02_more.ipynb", markdown("$\\rho q$ and p in words"))
        wanted = [
            "notation.ipynb has 2 rows for $b$",
            "notation.ipynb gives $b$ second meaning more than one meaning",
            "notation.ipynb sends $\\hat p$ to 01_lost.ipynb, which is not there",
            "notation.ipynb sends $p_0$ to 02_more.ipynb, whose formulas do not have it",
        ]
        self.assertEqual(sorted(self.found("symbols").splitlines()), sorted(wanted))


class Lists(Repository):
    def setUp(self):
        super().setUp()
        self.addCleanup(setattr, listing, "ROOT", listing.ROOT)
        listing.ROOT = self.root
        pages = ["tutorials/first.ipynb", "00_base.ipynb"]
        rows = "\n".join(f"          - {page}" for page in pages)
        self.file("_quarto.yml", f'      - section: "All"\n        contents:\n{rows}\n')
        self.tutorial("black")
        self.notebook("00_base.ipynb", markdown(OPENING), code("#| default_exp base"))
        names = "__all__ = ['b', 'A']\n\nA = 1  # a number\n\ndef b():\n    'Does it. Well.'\n"
        self.module("base", names)
        row = "('base.html#b', 'contextssl/base.py')"
        self.file(
            "contextssl/_modidx.py", f"d = {{'syms': {{'base': {{'contextssl.base.b': {row}}}}}}}"
        )

    def tutorial(self, colour: str):
        drawn = io.BytesIO()
        Image.new("RGB", (400, 200), colour).save(drawn, "png")
        data = {"image/png": base64.b64encode(drawn.getvalue()).decode()}
        shown = dict(output_type="display_data", data=data)
        self.notebook("tutorials/first.ipynb", markdown(OPENING), code("draw()", shown))

    def test_names(self):
        wanted = [
            "- [A](00_base.ipynb) a number",
            "- [b](00_base.ipynb#b) Does it",
        ]
        self.assertEqual([x for x in listing.api().splitlines() if x.startswith("- ")], wanted)
        self.assertIn("**[contextssl.base](00_base.ipynb)**", listing.api())

    def test_pictures(self):
        listing.main()
        picture = self.root / "nbs/images/tutorials/first.webp"
        written = picture.read_bytes()
        self.assertIn("images/tutorials/first.webp", (self.root / "nbs/tutorials.qmd").read_text())
        self.tutorial("#080808")  # what another way of packing may change
        listing.main()
        self.assertEqual(picture.read_bytes(), written)
        self.tutorial("red")
        listing.main()
        self.assertNotEqual(picture.read_bytes(), written)


class Site(unittest.TestCase):
    PAGE = """<html><nav>Menu</nav><main id="c"><header><h1>Title</h1></header><p>First.</p>
    <section id="one" class="level2"><h2>One</h2><p>Words &amp; <code>name</code>.<br>More.</p>
    <div class="cell"><div class="sourceCode"><pre>code()</pre></div><div class="cell-output"><p>12</p></div></div>
    <section id="two"><h3>Two</h3><p>Deep.</p></section><p>Last.</p></section></main></html>"""

    def test_the_search_index(self):
        pages = {"a.html": search_index.prose(self.PAGE)}
        entries = [dict(href="a.html#one", text="One code() 12", title="T", section="One")]
        entries += [dict(href="a.html", text="all"), dict(href="b.html", text="code()")]
        texts = [entry["text"] for entry in search_index.cleaned(entries, pages)]
        self.assertEqual(texts, ["One Words & name. More. Last.", "First.", "code()"])
        self.assertEqual(pages["a.html"]["two"], "Two Deep.")

    def test_which_sources_are_folded(self):
        folded = site_signatures.folded
        self.assertEqual(folded("_A = 1\n\ndef _helper():\n    return 1"), "true")
        self.assertEqual(folded("STOPS = 1\n\ndef _helper():\n    return 1"), "show")
        self.assertEqual(folded("class Public:\n    def _inside(self): ..."), "show")
        self.assertEqual(folded("%time 1\nprint(2)"), "show")


class Tutorials(Repository):
    BADGE = '<a href="https://colab"><img src="https://badge.svg" alt="Open in Colab"></a>\n\n'
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
        self.assertEqual(self.found("captions"), "")

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

    def test_lines(self):
        self.tutorial("second", code("x" * 101))
        self.assertIn("second.ipynb: has a line of 101 columns", self.found("tutorials"))

    def test_from_scratch(self):
        (self.root / "nbs/_quarto.yml").write_text("website:\n  - tutorials/from_scratch.ipynb\n")
        parts = [code("import torch"), code("from contextssl.a import b")]
        self.tutorial("from_scratch", *parts)
        self.assertNotIn("imports the package", self.found("tutorials"))

    def test_from_scratch_imports(self):
        (self.root / "nbs/_quarto.yml").write_text("website:\n  - tutorials/from_scratch.ipynb\n")
        self.tutorial("from_scratch", code("from contextssl.a import b"), code("import torch"))
        self.assertIn("imports the package before its last", self.found("tutorials"))

    def test_figures(self):
        picture = code("plot()", dict(output_type="display_data", data={"image/png": "x"}))
        link = markdown("![a picture](../images/a.png)")
        caption = markdown("*Figure 2. A line.*")
        self.tutorial("second", picture, link, picture, caption)
        found = self.found("captions")
        self.assertIn("second.ipynb: no caption (*Figure 1. ...*) stands under the figure", found)
        self.assertIn("second.ipynb: the picture in prose has no caption", found)
        self.assertIn("second.ipynb: its figures have the numbers [2]", found)

    def test_front_page(self):
        picture = "![a picture](images/a.png)\n\n*Figure 1. A picture.*\n\n"
        self.notebook("index.ipynb", markdown(picture))
        (self.root / "README.md").write_text(picture)
        self.assertEqual(self.found("front_page"), "")
        (self.root / "README.md").write_text(4 * picture + "word " * 900)
        found = self.found("front_page")
        self.assertIn("README.md has 924 words", found)
        self.assertIn("README.md has 4 pictures", found)

    def test_numbers_are_written(self):
        picture = code("plot()", dict(output_type="display_data", data={"image/png": "x"}))
        link = markdown("![a picture](../images/a.png)\n\n*A picture.*\n\nIts text.")
        bold = markdown("**No caption.**")
        page = [link, picture, code(""), markdown("*Figure 7. A line.*"), bold, markdown("*so*")]
        self.assertEqual(captions.numbered(page), 2)
        texts = [captions.source(cell) for cell in page]
        self.assertIn(")\n\n*Figure 1. A picture.*\n\nIts text.", texts[0])
        self.assertEqual(texts[3:], ["*Figure 2. A line.*", "**No caption.**", "*so*"])
        self.assertEqual(captions.numbers_of_figures(page), ([1, 2], []))


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


SETTINGS = """[DEFAULT]
version = 1.2
requirements = torch>=2.4 pillow>=10 seaborn>=0.1 scipy
extra_hub = huggingface_hub>=0.2
extra_unused = nothing>=1
"""


class Package(Repository):
    def test_version(self):
        self.file("settings.ini", SETTINGS)
        self.file("contextssl/__init__.py", '__version__ = "1.2"\n')
        self.file("CITATION.cff", "cff-version: 1.2.0\nversion: 1.1\n")
        self.file(
            "CHANGELOG.md", "# Changelog\n\n## 1.2 (not yet released)\n\n## 1.1 (2020-01-01)\n"
        )
        self.assertEqual(self.found("version"), "CITATION.cff says 1.1, and settings.ini says 1.2")
        self.file("CITATION.cff", "version: 1.2\n")
        self.assertEqual(self.found("version"), "")
        why = "\n".join(checks.not_releasable("v1.3"))
        self.assertIn("the tag is v1.3, and settings.ini says version 1.2", why)
        self.assertIn("has no date", why)
        self.file("CHANGELOG.md", "## 1.2 (2020-02-02)\n")
        self.file("CITATION.cff", 'version: 1.2\ndate-released: "2020-02-02"\n')
        self.assertEqual(list(checks.not_releasable("v1.2")), [])

    def test_dependencies(self):
        self.file("settings.ini", SETTINGS)
        self.file("constraints.txt", "# why\ntorch==2.3\npillow==11.0\nseaborn==1\n")
        inside = "def f():\n    import yaml, scipy.stats\n"
        self.module("a", f"import os\nimport torch.nn\nfrom PIL import Image\n{inside}")
        self.module("b", "from . import a\nfrom huggingface_hub import hub\n")
        found = sorted(self.found("dependencies").splitlines())
        self.assertEqual(
            found,
            sorted(
                [
                    "contextssl/a.py imports yaml, which settings.ini does not declare",
                    "contextssl/b.py imports huggingface_hub at its top, and not everybody has it",
                    "settings.ini requires seaborn, which no module imports",
                    "settings.ini offers nothing, which no module imports or names",
                    "settings.ini gives scipy no lower bound",
                    "constraints.txt has torch 2.3, older than >=2.4",
                    "constraints.txt does not say which scipy the numbers were made with",
                ]
            ),
        )
        self.assertIn("torch==2.4\npillow==10", checks.lowest())

    def test_what_is_built(self):
        self.file("settings.ini", SETTINGS)
        self.module("a", "")
        for name in checks.WEIGHT_FILES:
            self.file(f"ckpt/mini/{name}", name)
        wheel, sdist = self.root / "a.whl", self.root / "a.tar.gz"
        info = "contextssl-1.2.dist-info"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(f"{info}/entry_points.txt", "")
            archive.writestr("contextssl/ckpt/mini/model.json", "another")
            archive.writestr("tests/a.py", "")
        with tarfile.open(sdist, "w:gz") as archive:
            member = tarfile.TarInfo("contextssl-1.2/nbs/a.ipynb")
            archive.addfile(member, io.BytesIO())
        found = "\n".join(checks.what_is_built(wheel, sdist))
        for fault in (
            "the wheel lacks contextssl/ckpt/mini/model.safetensors",
            "contextssl/ckpt/mini/model.json of the wheel is not that of ckpt/",
            "the wheel has no entry point of nbdev",
            "the wheel holds tests/a.py",
            "the wheel lacks contextssl/a.py",
            "the wheel lacks contextssl/py.typed",
            f"the wheel lacks {info}/licenses/LICENSE",
            "the sdist lacks ckpt/mini/model.json",
            "1 notebooks are in what is built, among them nbs/a.ipynb",
        ):
            self.assertIn(fault, found)

    def test_types(self):
        self.module("__init__", "")
        self.module("a", "def f(x: int) -> str:\n    return x + 1\n")
        self.file("mypy.ini", "[mypy]\npackages = contextssl\n[mypy-contextssl.gone]\n")
        found = self.found("types")
        self.assertIn("mypy.ini names gone, which is no module", found)
        self.assertIn("contextssl/a.py:2: error: Incompatible return value type", found)

    def test_workflows(self):
        self.file(".github/dependabot.yml", "version: 3\nupdates: []\n")
        steps = "[{uses: actions/checkout}, {run: python .ci/checks.py lines nothing}]"
        job = f"{{runs-on: '${{{{ matrix.system }}}}', needs: b, steps: {steps}}}"
        self.file(".github/workflows/a.yml", f"on: push\njobs:\n  a: {job}\n")
        self.file(".github/ISSUE_TEMPLATE/bug.yml", "name: a form without questions\n")
        self.file("CITATION.cff", "title: nobody\n")
        hook = "{repo: https://github.com/astral-sh/ruff-pre-commit, rev: v0.1.0, hooks: []}"
        self.file(".pre-commit-config.yaml", f"repos: [{hook}]\n")
        self.file("settings.ini", "[DEFAULT]\ndev_requirements = ruff==0.2.0\n")
        found = self.found("workflows")
        for fault in (
            "dependabot.yml",
            "there is no .github/ISSUE_TEMPLATE/config.yml",
            "ISSUE_TEMPLATE/bug.yml",
            "CITATION.cff",
            ".pre-commit-config.yaml has ruff v0.1.0, and settings.ini ==0.2.0",
            "a.yml does not say its permissions",
            "a.yml: job a needs b, which is not there",
            "a.yml: job a has no timeout-minutes",
            "a.yml: job a asks for matrix.system, which is not there",
            "a.yml: job a uses actions/checkout without a version",
            "a.yml: job a runs the check nothing, which is not there",
            "a.yml: job a runs .ci/checks.py, which is not there",
        ):
            self.assertIn(fault, found)


def png(pixels, **texts: str) -> bytes:
    "A picture from (h, w, 3 or 4) bytes, as matplotlib writes it."
    file, info = io.BytesIO(), PngInfo()
    for key, value in texts.items():
        info.add_text(key, value)
    Image.fromarray(pixels).convert("RGBA").save(file, "png", pnginfo=info)
    return file.getvalue()


def pixels_of(data: bytes):
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"), int), image.mode, image.info


CARELESS = """
import os

def main(words):
    print("²")  # cp1252 has it
    try:
        {fault}
    except (OSError, ModuleNotFoundError, UnicodeError) as error:
        print(error)
        return 2
"""
FAULTS_THERE = {  # what is careless -> what Windows says of it
    "with open('a', 'wb'): os.replace('a', 'b')": "WinError 32",
    "with open('a', 'wb'): os.unlink('a')": "WinError 32",
    "open('a', 'w').close(); open('b', 'w').close(); os.rename('a', 'b')": "WinError 183",
    "open('a:b', 'w')": "WinError 123",
    "os.makedirs('con/x')": "WinError 123",
    "os.fsync(os.open('.', os.O_RDONLY))": "Bad file descriptor",
    "open('a', 'w').write('→')": "charmap",
    "print('→')": "charmap",
    "import resource": "No module named",
}


@unittest.skipUnless(sys.platform == "linux", "open files are looked up in /proc")
class Windows(Repository):
    def test_each_fault_is_found(self):
        self.module("__init__", "")
        for fault, said in FAULTS_THERE.items():
            self.module("cli", CARELESS.format(fault=fault.replace("; ", "\n        ")))
            self.assertIn(said, self.found("windows"), fault)

    def test_a_careful_command_is_passed(self):
        self.module("__init__", "")
        self.module("cli", CARELESS.format(fault="open('a', 'wb').close(); os.replace('a', 'b')"))
        self.assertEqual(self.found("windows"), "")


class Pictures(unittest.TestCase):
    "Pictures get lighter only where nobody sees a difference."

    def setUp(self):
        shade = np.linspace(0, 255, 200).astype(np.uint8)
        self.slope = np.stack(np.broadcast_arrays(shade[:, None], shade, shade // 2), 2)

    def test_a_drawing_gets_a_palette_and_keeps_its_text(self):
        drawing = np.full((200, 200, 3), 255, np.uint8)
        drawing[50:60, 20:] = (0, 114, 178)
        before = png(drawing, Description="a line")
        after = pictures.lighter(before)
        found, mode, info = pixels_of(after)
        self.assertLess(len(after), len(before))
        self.assertEqual((mode, info["Description"]), ("P", "a line"))
        self.assertTrue((found == drawing).all())
        self.assertEqual(pictures.lighter(after), after)

    def test_a_rare_colour_is_kept(self):
        self.slope[100, 100] = (255, 0, 255)
        after = pictures.lighter(png(self.slope))
        found, mode, _ = pixels_of(after)
        self.assertEqual(mode, "RGB")
        self.assertTrue((found == self.slope).all())

    def test_transparency_is_kept(self):
        clear = np.dstack([self.slope, np.full((200, 200), 100, np.uint8)])
        self.assertEqual(pictures.lighter(png(clear)), png(clear))


@unittest.skipUnless(browser.find_browser(), "there is no browser of the Chromium family")
class Moving(unittest.TestCase):
    "Faults of a page one can move, as a reader would meet them."

    FAULTS = {
        "at.stop = +$(": "at.stop = 3 + 0 * +$(",  # the slider leads nowhere
        "--muted: light-dark(#565d66": "--muted: light-dark(#aab0b8",  # too faint in the light
        "<main>\n": '<main style="width: 50rem"><img alt="" src="https://example.org/x.png">\n',
        "img-src data:": "img-src data: https:",
    }

    def test_each_fault_is_found(self):
        text = browser.PAGE.read_text(encoding="utf-8")
        for right, wrong in self.FAULTS.items():
            self.assertEqual(text.count(right), 1, right)
            text = text.replace(right, wrong)
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder) / "page.html"
            page.write_text(text, encoding="utf-8")
            found = "\n".join(browser.judge(page, browser.find_browser()))
        for sentence in (
            "after an arrow on the slider its pairs are",
            "desk, light: the contrast of",
            "phone, light: it is",
            "it asks for https://example.org/x.png",
        ):
            self.assertTrue(sentence in found, sentence)
        self.assertNotIn("dark: the contrast of", found)


if __name__ == "__main__":
    unittest.main()
