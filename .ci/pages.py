"""The site without Quarto: every page that nbdev processed, rendered by nbconvert into one template, and the rules it must keep.

    python .ci/pages.py                   process, render and judge; silence is a pass
    python .ci/pages.py --out FOLDER      keep the pages there, to look at in a browser
    python .ci/pages.py --strict          also what nbdev does not show, see `wished`
    python .ci/pages.py --log docs.log    only judge what `nbdev_docs` has printed

The published site is made by Quarto from the same `_proc` folder (`nbdev_docs`); this one has the same pages, addresses
and anchors, so that a link that is broken here is broken there. nbdev turns names in backticks into links to their
definitions, and finds these by an entry point of the installed package (setup.py).
"""

import argparse
import ast
import base64
import configparser
import functools
import html
import importlib.metadata
import io
import json
import multiprocessing
import os
import posixpath
import re
import shutil
import subprocess
import sys
import unicodedata
import urllib.parse
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import bibliography
import equations
import yaml  # comes with nbdev

ROOT = Path(__file__).resolve().parent.parent
PROC = ROOT / "_proc"
PAGE_LIMIT = 3_000_000  # bytes of a page with its pictures
LINES, CHARACTERS = 80, 8_000  # of one printed output
FRONT_MATTER = {
    "title": str,
    "description": str,
    "output-file": str,
    "toc": bool,
    "skip_exec": bool,
    "skip_showdoc": bool,
    "nocite": str,
}
DIRECTIVE = re.compile(r"^#\s*\|\s*([\w-]+)\s*:?\s*(.*)$")
ATTRIBUTES = re.compile(r"(\]\([^)\s]+\))\{[^}\n]*\}")  # pandoc's, which nbconvert would print
TEXT, SWITCH = (str,), (bool,)
WARNING = re.compile(
    r"^\s*\[?(?:WARN|ERROR)|UserWarning"
)  # of Quarto, pandoc (`[WARNING]`) and nbdev
COLOUR = re.compile(r"\x1b\[[0-9;]*m")  # Quarto colours its warnings even in a file
MATHML = re.compile(
    r"\\(?:Bigl|[Bb]igg?m|mathbbm|mathds|argmin|argmax)\b"
)  # what pandoc 3.5 or 3.9 does not convert
LINKED = re.compile(r"\[`([^`]+)`\]\(([^)\s]+)\)")  # a name that nbdev has linked
MEASURES = {"mrr", "pre", "auc"}  # columns that link to the functions that compute them
NESTED = re.compile(
    r"\[[^\[\]]*\[`([^`]+)`\]\([^)\s]+\)[^\[\]]*\]\("
)  # the same inside a link's text

# What _quarto.yml may say. Quarto refuses a file with one wrong key, and most machines have no Quarto to notice.
KEYS = {
    "project": {"type": {"website"}, "output-dir": TEXT, "render": [TEXT], "resources": [TEXT]},
    "lang": {"en", "en-GB", "en-US"},
    "bibliography": TEXT,
    "link-citations": SWITCH,
    "format": {
        "html": {
            "theme": {"light": [TEXT], "dark": [TEXT]},
            "css": TEXT,
            "grid": {"sidebar-width": TEXT, "body-width": TEXT, "margin-width": TEXT},
            "toc": SWITCH,
            "toc-depth": {1, 2, 3, 4, 5, 6},
            "code-copy": SWITCH,
            "code-overflow": {"wrap", "scroll"},
            "html-math-method": {"mathml", "mathjax", "katex"},
            "lightbox": SWITCH,
            "anchor-sections": SWITCH,
        }
    },
    "website": {
        "title": TEXT,
        "description": TEXT,
        "site-url": TEXT,
        "favicon": TEXT,
        "repo-url": TEXT,
        "repo-branch": TEXT,
        "repo-subdir": TEXT,
        "repo-actions": [{"edit", "source", "issue"}],
        "open-graph": {"image": TEXT},
        "twitter-card": {"image": TEXT, "card-style": {"summary", "summary_large_image"}},
        "page-navigation": SWITCH,
        "back-to-top-navigation": SWITCH,
        "bread-crumbs": SWITCH,
        "navbar": {
            "search": SWITCH,
            "left": [{"text": TEXT, "href": TEXT}],
            "right": [{"text": TEXT, "icon": TEXT, "href": TEXT, "aria-label": TEXT}],
        },
        "page-footer": {"left": TEXT, "right": TEXT},
        "sidebar": {"style": {"floating", "docked"}, "collapse-level": {1, 2, 3}, "contents": list},
    },
}


# ---- _quarto.yml


def mismatches(value, wanted, where: str = ""):
    "Where a value departs from the shape of KEYS: one sentence each."
    if isinstance(wanted, dict):
        if not isinstance(value, dict):
            yield f"_quarto.yml: {where} should hold keys, not {value!r}"
            return
        for key, inner in value.items():
            path = f"{where}.{key}".lstrip(".")
            if key not in wanted:
                yield f"_quarto.yml: {path} is not a key that this site uses; there are {', '.join(wanted)}"
            else:
                yield from mismatches(inner, wanted[key], path)
    elif isinstance(wanted, list):
        if not isinstance(value, list):
            yield f"_quarto.yml: {where} should be a list, not {value!r}"
            return
        for n, item in enumerate(value):
            yield from mismatches(item, wanted[0], f"{where}[{n}]")
    elif isinstance(wanted, set):
        if not any(type(value) is type(w) and value == w for w in wanted):
            yield f"_quarto.yml: {where} is {value!r}, not one of {', '.join(sorted(map(str, wanted)))}"
    elif wanted is list:
        if not isinstance(value, list):
            yield f"_quarto.yml: {where} should be a list, not {value!r}"
    elif type(value) not in wanted:
        yield f"_quarto.yml: {where} is {value!r}, which is not {wanted[0].__name__}"


def listed(contents: list):
    "The pages of a sidebar, sections flattened."
    for entry in contents:
        yield from (
            listed(entry["contents"])
            if isinstance(entry, dict) and "contents" in entry
            else [entry]
        )


def malformed(contents: list):
    "Entries of a sidebar that are neither a page nor a section with pages in it."
    for entry in contents:
        if isinstance(entry, dict):
            if (
                set(entry) != {"section", "contents"}
                or not isinstance(entry["contents"], list)
                or not entry["contents"]
            ):
                yield f"_quarto.yml: a section of the sidebar has a name and a list of pages, but there is {entry!r}"
            else:
                yield from malformed(entry["contents"])
        elif not isinstance(entry, str):
            yield f"_quarto.yml: the sidebar lists {entry!r}, which is no page"


def configuration(there: list, settings) -> tuple:
    "The site's settings, and the sentences on what is wrong with them. `there` are the notebooks, seen from nbs/."
    link = ROOT / "nbs/_quarto.yml"
    problems = []
    if not link.is_symlink() or os.readlink(link) != "../_quarto.yml":
        problems.append("nbs/_quarto.yml is not a symbolic link to ../_quarto.yml")
    try:
        config = yaml.safe_load((ROOT / "_quarto.yml").read_text(encoding="utf-8"))
        website, contents = config["website"], config["website"]["sidebar"]["contents"]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as e:
        said = " ".join(str(e).split())
        return None, [
            *problems,
            f"_quarto.yml cannot be read as the settings of a site: {type(e).__name__}: {said}",
        ]
    problems += [*mismatches(config, KEYS), *malformed(contents)]
    wanted = {
        "title": settings["title"],
        "description": settings["description"],
        "repo-url": settings["git_url"],
        "repo-branch": settings["branch"],
        "repo-subdir": settings["nbs_path"],
        "site-url": settings["doc_host"] + settings["doc_baseurl"],
    }
    problems += [
        f"_quarto.yml: {k} is {website.get(k)!r}, settings.ini says {v!r}"
        for k, v in wanted.items()
        if website.get(k) != v
    ]
    release, footer = (
        f"{settings['lib_name']} {settings['version']},",
        website.get("page-footer", {}),
    )
    if not footer.get("left", release).startswith(release):
        problems.append(f"_quarto.yml: page-footer.left should begin with {release}")
    pages = [p for p in listed(contents) if isinstance(p, str)]
    texts = [p.name for p in (ROOT / "nbs").glob("*.qmd")]
    problems += [
        f"_quarto.yml lists {p}, which is not in nbs/" for p in pages if p not in [*there, *texts]
    ]
    problems += [
        f"nbs/{p} is in the sidebar of _quarto.yml {pages.count(p)} times, not once"
        for p in there
        if pages.count(p) != 1
    ]
    named = {
        "bibliography": config.get("bibliography"),
        "css": config.get("format", {}).get("html", {}).get("css"),
        "favicon": website.get("favicon"),
    }
    themes = config.get("format", {}).get("html", {}).get("theme", {})
    files = [n for names in themes.values() for n in names if n.endswith(".scss")]
    named |= {f"format.html.theme {n}": n for n in files}
    named |= {f"project.resources {n}": n for n in config.get("project", {}).get("resources", [])}
    named |= {
        f"{k}.image": website[k].get("image")
        for k in ("open-graph", "twitter-card")
        if isinstance(website.get(k), dict)
    }
    problems += [
        f"_quarto.yml: {k} names {v}, which is not in nbs/"
        for k, v in named.items()
        if not v or not (ROOT / "nbs" / v).is_file()
    ]
    return config, problems


# ---- from what nbdev processed to pages


@dataclass
class Page:
    "One page of the site: where it comes from, what it is called, and what is on it."

    source: str  # as seen from nbs/
    address: str = ""  # as seen from the top of the site
    title: str = ""
    description: str = ""
    body: str = ""
    ids: set = field(default_factory=set)
    links: list = field(default_factory=list)
    images: list = field(default_factory=list)  # (where, alternative text)
    cited: list = field(default_factory=list)  # keys of references.bib
    problems: list = field(default_factory=list)
    strict: list = field(default_factory=list)


def slug(heading: str) -> str:
    "The anchor that pandoc, and so Quarto, gives a heading."
    text = re.sub(r"<[^>]+>", "", html.unescape(heading))
    kept = "".join(c for c in text if c in "_-. \n" or unicodedata.category(c)[0] in "LMN")
    kept = re.sub(r"\s+", "-", kept.strip()).lower()
    return re.sub(r"^[^a-zA-Z\u00aa-\uffff]+", "", kept) or "section"


class Reader(HTMLParser):
    "Collects anchors, links and images of a page."

    def __init__(self, page: Page):
        super().__init__()
        self.page = page

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if a.get("id"):
            self.page.ids.add(a["id"])
        if tag == "a" and a.get("href"):
            self.page.links.append(a["href"])
        if tag == "iframe" and a.get("src"):
            self.page.links.append(a["src"])
        if tag == "img":
            self.page.images.append((a.get("src") or "", (a.get("alt") or "").strip()))


def front_matter(text: str, page: Page) -> dict:
    "The YAML at the head of a page, checked."
    match = re.match(r"\s*---\n(.*?)\n---\s*", text, re.DOTALL)
    if not match:
        page.problems.append(
            f"{page.source} has no front matter: does it begin with '# Title' and '> one line'?"
        )
        return {}
    try:
        meta = yaml.safe_load(match[1]) or {}
    except yaml.YAMLError as e:
        page.problems.append(
            f"{page.source}: the front matter is no YAML: {' '.join(str(e).split())}"
        )
        return {}
    for key, value in meta.items():
        if key not in FRONT_MATTER:
            page.problems.append(
                f"{page.source}: the front matter has {key!r}, which is none of {', '.join(FRONT_MATTER)}"
            )
        elif type(value) is not FRONT_MATTER[key]:
            kind = FRONT_MATTER[key].__name__
            page.problems.append(
                f"{page.source}: {key} in the front matter is {value!r}, which is not {kind}"
            )
    page.problems += [
        f"{page.source}: the front matter has no {k}"
        for k in ("title", "description")
        if not str(meta.get(k) or "").strip()
    ]
    return meta


@functools.cache
def papers() -> dict:
    "The entries of references.bib."
    return bibliography.entries(ROOT / "nbs/references.bib")


def joined(text) -> str:
    return text if isinstance(text, str) else "".join(text)


def undocumented(source: str, cell: dict, module: str):
    "What is missing of the output of a `show_doc` cell in the chapter of a module."
    name = re.search(r"show_doc\(([\w.]+)", source)
    name = name[1] if name else source.strip()
    text = "".join(
        joined(o.get("data", {}).get("text/markdown", "")) for o in cell.get("outputs", [])
    )
    if not text:
        yield f"show_doc({name}) is not rendered"
        return
    if not re.search(rf"^#+ .*{re.escape(name.split('.')[-1])}", text, re.MULTILINE):
        yield f"show_doc({name}) shows no heading"
    signature = re.search(r"```python\n(.*?)\n```", text, re.DOTALL)
    if not signature or f"{name.split('.')[-1]}(" not in signature[1]:
        yield f"show_doc({name}) shows no signature"
        return
    if not (sentence := text.split("```")[-1].strip()) or not sentence.startswith("*"):
        yield f"show_doc({name}) shows no sentence"
    kind, noted = described().get((module, name), ("", set()))
    lines = [line.strip() for line in signature[1].splitlines()]
    bare = sorted(
        p for p in noted if not any(re.search(rf"(?:^|[ *]){p}\b.* # ", line) for line in lines)
    )
    if bare and "**Type**" not in text:
        yield f"show_doc({name}) shows no comment on {', '.join(bare)}, though the {kind} has one"


@functools.cache
def package() -> dict:
    "Exported modules: dotted name below the package -> text."
    found = {}
    for path in sorted((ROOT / "contextssl").rglob("[!_]*.py")):
        name = ".".join(path.relative_to(ROOT / "contextssl").with_suffix("").parts)
        found[name] = path.read_text(encoding="utf-8")
    return found


@functools.cache
def described() -> dict:
    "What the package says of parameters: (module, name) -> (function or dataclass, those alone on a line with a comment)."
    found = {}
    for module, text in package().items():
        lines = text.splitlines()
        for node in ast.parse(text).body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                a = node.args
                given = a.posonlyargs + a.args + a.kwonlyargs
                starts = [node.lineno, *(x.lineno for x in given)]
                alone = [x for x in given if starts.count(x.lineno) == 1]
                found[module, node.name] = (
                    "function",
                    {x.arg for x in alone if "# " in lines[x.lineno - 1]},
                )
            elif isinstance(node, ast.ClassDef) and any(
                "dataclass" in ast.unparse(d) for d in node.decorator_list
            ):
                fields = [x for x in node.body if isinstance(x, ast.AnnAssign)]
                found[module, node.name] = (
                    "dataclass",
                    {x.target.id for x in fields if "# " in lines[x.end_lineno - 1]},
                )
    return found


@functools.cache
def other_meanings() -> dict:
    "Names that are public in the package: name -> (modules that define it, classes with a field of that name)."
    found = {}
    for module, text in package().items():
        for node in ast.parse(text).body:
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                continue
            found.setdefault(node.name, (set(), set()))[0].add(module)
            if isinstance(node, ast.ClassDef):
                for entry in node.body:
                    if isinstance(entry, ast.AnnAssign):
                        found.setdefault(entry.target.id, (set(), set()))[1].add(node.name)
    return found


def doubtful(text: str, home: str, module: str):
    """Links of nbdev that probably lead to something else than is meant, one sentence each.

    A single word in small letters is a column, an option or a command as often as it is a function: outside of the
    chapter that defines it, a function is written with brackets. `home` is the address of the site.
    """
    for name, target in LINKED.findall(text):
        where = target.removeprefix(home).lstrip("/")
        if where == target or "#" not in where or "." in name or name in MEASURES:
            continue
        defined = where.partition("#")[0].removesuffix(".html").replace("/", ".")
        bare, called = name.removesuffix("()"), name.endswith("()")
        modules, classes = other_meanings().get(bare, (set(), set()))
        if len(modules) > 1 and defined != module:
            yield f"`{name}` links to {where}, but {' and '.join(sorted(modules))} define it: write contextssl.MODULE.{bare}"
        elif defined != module and not called and re.fullmatch("[a-z]+", bare):
            yield f"`{name}` links to {where}: write `{name}()` if that is meant, else <code>{name}</code> or other words"
        elif defined != module and not called and classes:
            fields = " and ".join(sorted(classes))
            yield f"`{name}` links to {where}, but is a field of {fields} too: write `{name}()` or `{name}=`"
    for name in NESTED.findall(text):
        yield f"`{name}` stands in the text of a link, and nbdev puts a link of its own there: take the backticks away"


def prepared(notebook: dict, page: Page, module: str, home: str):
    "The notebook as nbconvert has to see it: directives obeyed, pandoc's attributes taken out, pictures told apart."
    import nbformat
    from nbformat.v4.rwbase import rejoin_lines

    cells = notebook["cells"]
    texts = "\n".join(joined(c["source"]) for c in cells if c["cell_type"] == "markdown")
    numbers = {name: n for n, name in enumerate(equations.labels(texts), 1)}
    for n, cell in enumerate(cells):
        source = joined(cell["source"])
        if cell["cell_type"] == "markdown":
            if re.search(r"^:::", source, re.MULTILINE):
                page.problems.append(
                    f"{page.source}: cell {n} has a ':::' block, which only Quarto reads"
                )
            page.problems += [
                f"{page.source}: cell {n}: {said}"
                for said in dict.fromkeys(doubtful(source, home, module))
            ]
            if unread := MATHML.search(source):
                page.problems.append(
                    f"{page.source}: cell {n} has a formula with {unread[0]}, which the converter to MathML does not read: write \\left( and \\right), or \\operatorname"
                )
            page.cited += bibliography.cited(source)
            source = equations.numbered(ATTRIBUTES.sub(r"\1", source), numbers)
            cell["source"] = bibliography.linked(source, papers())
            continue
        if cell["cell_type"] != "code":
            continue
        lines, options = source.splitlines(), {}
        while lines and (match := DIRECTIVE.match(lines[0])):
            options[match[1]] = match[2].strip()
            lines.pop(0)
        cell["source"] = "\n".join(lines).strip()
        if "show_doc(" in source and options.get("output") == "asis":
            for said in undocumented(cell["source"], cell, module):
                kept = page.strict if said.endswith("the dataclass has one") else page.problems
                kept.append(f"{page.source}: {said}")
            shown = "".join(
                joined(o.get("data", {}).get("text/markdown", "")) for o in cell.get("outputs", [])
            )
            if any(
                LINKED.search(code)
                for code in re.findall(r"^```python\n(.*?)^```", shown, re.MULTILINE | re.DOTALL)
            ):
                page.problems.append(
                    f"{page.source}: cell {n} shows a link inside a signature: does settings.ini name site_signatures under procs?"
                )
        if options.get("echo") == "false" or options.get("include") == "false":
            cell["metadata"].setdefault("tags", []).append("no-source")
        if options.get("output") == "false" or options.get("include") == "false":
            cell["outputs"] = []
        printed(cell, n, page)
        described_pictures(cell, n, options, page)
    notebook["cells"] = [c for c in cells if c["cell_type"] != "raw"]
    return rejoin_lines(nbformat.from_dict(notebook))


def printed(cell: dict, n: int, page: Page):
    "Outputs that would flood a page or a notebook, or hold traces of a terminal."
    for out in cell.get("outputs", []):
        data = out.get("data", {})
        text = joined(out.get("text", "")) or joined(data.get("text/plain", "")) * (
            set(data) == {"text/plain"}
        )
        if text.count("\n") > LINES or len(text) > CHARACTERS:
            page.problems.append(
                f"{page.source}: cell {n} prints {text.count(chr(10))} lines, {len(text):,} characters; "
                f"at most {LINES} lines and {CHARACTERS:,} characters fit on a page"
            )
        if "\r" in text:
            page.problems.append(
                f"{page.source}: cell {n} has a progress bar of a terminal in its output"
            )
        if any("widget-view" in kind for kind in data) and not {"text/html", "image/png"} & set(
            data
        ):
            page.problems.append(
                f"{page.source}: cell {n} shows a widget, which is empty on a page"
            )
        if out.get("name") == "stderr" and text.strip():
            page.problems.append(f"{page.source}: cell {n} writes to stderr: {text.strip()[:80]}")


def described_pictures(cell: dict, n: int, options: dict, page: Page):
    "Pictures of code cells carry a text for those who cannot see them: `fig-alt`, or the figure's own description."
    for out in cell.get("outputs", []):
        for kind in ("image/png", "image/jpeg"):
            if kind not in out.get("data", {}):
                continue
            raw = joined(out["data"][kind])
            alt = options.get("fig-alt", "").strip("'\"") or out.get("metadata", {}).get(
                kind, {}
            ).get("alt", "")
            alt = alt or description(base64.b64decode(raw))
            if not alt:
                page.problems.append(
                    f"{page.source}: the picture of cell {n} has no alternative text: add '#| fig-alt: ...'"
                )
            page_text = html.escape(alt or "figure without a description", quote=True)
            out["data"] = {
                "text/html": f'<img src="data:{kind};base64,{raw.strip()}" alt="{page_text}">'
            }


def description(png: bytes) -> str:
    "The text that a PNG carries as its Description."
    from PIL import Image

    try:
        with Image.open(io.BytesIO(png)) as image:
            return str(image.info.get("Description", ""))
    except OSError:
        return ""


@functools.cache
def exporter():
    from nbconvert import HTMLExporter
    from traitlets.config import Config

    config = Config()
    config.TagRemovePreprocessor.enabled = True
    config.TagRemovePreprocessor.remove_input_tags = {"no-source"}
    prompts = dict(exclude_input_prompt=True, exclude_output_prompt=True)
    return HTMLExporter(template_name="basic", config=config, anchor_link_text="", **prompts)


def rendered(source: str, home: str) -> Page:
    "One processed file as a page; `home` is the address of the site."
    from nbconvert.filters import markdown2html

    page = Page(source)
    path = PROC / source
    if path.suffix == ".ipynb":
        notebook = json.loads(path.read_text(encoding="utf-8"))
        first = next(iter(notebook["cells"]), {"source": ""})
        meta = front_matter(joined(first["source"]), page)
        original = json.loads((ROOT / "nbs" / source).read_text(encoding="utf-8"))["cells"]
        exported = re.search(
            r"^#\s*\| default_exp ([\w.]+)",
            "\n".join(joined(c["source"]) for c in original),
            re.MULTILINE,
        )
        try:
            body = exporter().from_notebook_node(
                prepared(notebook, page, exported[1] if exported else "", home)
            )[0]
        except Exception as e:
            page.problems.append(f"{source} cannot be rendered: {type(e).__name__}: {e}")
            body = ""
        if lost := dropped(joined(original[0]["source"])):
            page.problems.append(
                f"{source}: nbdev drops the title's cell, and with it '{lost[:60]}...': give that a cell of its own"
            )
    else:
        text = path.read_text(encoding="utf-8")
        meta = front_matter(text, page)
        text = re.sub(r"\A\s*---\n.*?\n---\s*", "", text, flags=re.DOTALL)
        page.cited += [*papers()] if meta.get("nocite") else []
        body = markdown2html(re.sub(r"^::: \{#refs\}\n:::$", "", text, flags=re.MULTILINE))
    page.title, page.description = (
        str(meta.get("title") or source),
        str(meta.get("description") or ""),
    )
    name = meta.get("output-file") or Path(source).with_suffix(".html").name
    page.address = posixpath.join(posixpath.dirname(source), str(name))
    page.body = re.sub(r'<a class="anchor-link"[^>]*>.*?</a>', "", body, flags=re.DOTALL)
    page.body = with_anchors(page.body + bibliography.below(page.cited, papers()))
    Reader(page).feed(page.body)
    return page


def dropped(first: str) -> str:
    "The text of a notebook's first cell that nbdev does not carry over: all but title, quoted line and `- key: value`."
    rest = [
        line
        for line in first.splitlines()
        if line.strip() and not re.match(r"#\s|>\s|- [\w-]+:\s", line)
    ]
    return rest[0] if rest else ""


def with_anchors(body: str) -> str:
    "Headings get the anchors that Quarto will give them."
    seen = {}

    def named(match):
        anchor = slug(match[3])
        seen[anchor] = seen.get(anchor, -1) + 1
        anchor += f"-{seen[anchor]}" * bool(seen[anchor])
        return f'<h{match[1]} id="{anchor}">{match[3]}</h{match[1]}>'

    return re.sub(r"<h([1-6])([^>]*)>(.*?)</h\1>", named, body, flags=re.DOTALL)


# ---- the rules that need all pages


def broken_links(pages: list, base: str, repository: str):
    "Links to pages, anchors and files that are not there."
    by_source, by_address = {p.source: p for p in pages}, {p.address: p for p in pages}
    for page in pages:
        for link in dict.fromkeys(page.links):
            target = urllib.parse.unquote(link)
            own = target.startswith(base.rstrip("/") + "/") or target == base
            if own:
                target, folder = target[len(base.rstrip("/")) :].lstrip("/") or "index.html", ""
            elif re.match(r"[a-z][a-z0-9+.-]*:|//", target, re.IGNORECASE):
                continue
            else:
                folder = posixpath.dirname(page.source)
            name, _, anchor = target.partition("#")
            name = posixpath.normpath(posixpath.join(folder, name)) if name else page.source
            found = by_address.get(name) if own else by_source.get(name) or by_address.get(name)
            if not found and name.startswith("../"):
                yield f"{page.source} links to {link}, which is not part of the site: write {repository}/{name.removeprefix('../')}"
            elif not found and not (PROC / name).is_file():
                yield f"{page.source} links to {link}, but the site has no {name}"
            elif found and anchor and anchor not in found.ids:
                yield f"{page.source} links to {link}, but {found.source} has no heading or symbol with the anchor {anchor}"


def pictures(pages: list):
    "Images that are not there or say nothing, and pages that weigh too much."
    for page in pages:
        weight = len(page.body.encode())
        for where, alt in page.images:
            if not alt:
                yield f"{page.source}: the image {where[:60]} has no alternative text"
            if where.startswith("data:") or re.match(r"https?:", where):
                continue
            path = PROC / posixpath.normpath(
                posixpath.join(posixpath.dirname(page.source), urllib.parse.unquote(where))
            )
            if path.is_file():
                weight += path.stat().st_size
            else:
                yield f"{page.source} shows the image {where}, which is not there"
        if weight > PAGE_LIMIT:
            yield f"{page.source} weighs {weight:,} bytes with its pictures, more than {PAGE_LIMIT:,}"


def twins(pages: list):
    "Two sources that would write the same page."
    for page in pages:
        others = [p.source for p in pages if p.address == page.address and p.source < page.source]
        yield from (
            f"{other} and {page.source} would both become {page.address}" for other in others
        )


def badge(source: str, settings) -> str:
    """The line that opens a tutorial in Colab, in the cell below its title. As Markdown, a picture alone in a paragraph
    would become a figure with a caption."""
    where = f"{settings['user']}/{settings['repo']}/blob/{settings['branch']}/{settings['nbs_path']}/{source}"
    picture = "https://colab.research.google.com/assets/colab-badge.svg"
    link = f"https://colab.research.google.com/github/{where}"
    return f'<a href="{link}"><img src="{picture}" alt="Open in Colab"></a>'


def badges(pages: list, settings):
    "Every tutorial can be opened in Colab."
    for page in pages:
        if page.source.startswith("tutorials/") and page.source.endswith(".ipynb"):
            line = badge(page.source, settings)
            cells = json.loads((ROOT / "nbs" / page.source).read_text(encoding="utf-8"))["cells"]
            if not joined(cells[1]["source"]).startswith(line):
                yield f"{page.source} has no Colab line: the cell below the title begins with {line}"


# ---- the whole

TEMPLATE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><link rel="icon" href="{up}images/favicon.png"><style>
:root {{ color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --line: #d8dce2; --soft: #f5f6f8; --link: #0072B2; }}
@media (prefers-color-scheme: dark) {{ :root {{ --ink: #dee2e6; --paper: #15181c; --line: #3a3f46; --soft: #20242a; --link: #6cb8e6; }} }}
body {{ margin: 0; font: 16px/1.6 system-ui, "Noto Sans", "DejaVu Sans", sans-serif; color: var(--ink); background: var(--paper); }}
a {{ color: var(--link); }} header {{ padding: 0.6rem 1rem; border-bottom: 1px solid var(--line); font-weight: bold; }}
.page {{ display: grid; grid-template-columns: 15rem minmax(0, 48rem); gap: 2rem; padding: 1rem; }}
nav {{ font-size: 0.85rem; }} nav ul {{ list-style: none; padding-left: 0.6rem; margin: 0; }} nav b {{ display: block; margin-top: 0.8rem; }}
pre, code {{ font: 0.85rem/1.45 ui-monospace, "DejaVu Sans Mono", monospace; }} pre {{ background: var(--soft); padding: 0.6rem; border-radius: 4px; }}
table {{ border-collapse: collapse; }} td, th {{ border-bottom: 1px solid var(--line); padding: 0.3rem 0.6rem; text-align: left; }}
@media (max-width: 800px) {{ .page {{ grid-template-columns: minmax(0, 1fr); }} nav {{ display: none; }} }}
</style><link rel="stylesheet" href="{up}styles.css">
<script>MathJax = {{ tex: {{ inlineMath: [["$", "$"]] }} }};</script>
<script async src="{up}mathjax.js" onerror="this.remove()"></script></head>
<body><header><a href="{up}index.html">{site}</a></header><div class="page"><nav>{sidebar}</nav><main><h1>{title}</h1><p class="description">{description}</p>{body}</main></div></body></html>
"""


def sidebar(contents: list, pages: dict, up: str) -> str:
    "The navigation as nested lists."
    rows = []
    for entry in contents:
        if isinstance(entry, dict):
            rows.append(
                f"<li><b>{html.escape(entry['section'])}</b>{sidebar(entry['contents'], pages, up)}</li>"
            )
        elif entry in pages:
            rows.append(
                f'<li><a href="{up}{pages[entry].address}">{html.escape(pages[entry].title)}</a></li>'
            )
    return f"<ul>{''.join(rows)}</ul>"


def save(pages: list, config: dict, out: Path):
    "Write the pages with their navigation, and every file they use."
    by_source, addresses = {p.source: p for p in pages}, {p.source: p.address for p in pages}
    for page in pages:
        up = "../" * page.address.count("/")

        def moved(match):
            name = posixpath.normpath(posixpath.join(posixpath.dirname(page.source), match[2]))
            return f"{match[1]}{up}{addresses.get(name, name)}"

        body = re.sub(r'((?:href|src)=")(?![a-z]+:|#|/)([^"#]+)', moved, page.body)
        text = TEMPLATE.format(
            title=html.escape(page.title),
            description=html.escape(page.description),
            site=html.escape(config["website"]["title"]),
            up=up,
            body=body,
            sidebar=sidebar(config["website"]["sidebar"]["contents"], by_source, up),
        )
        (out / page.address).parent.mkdir(parents=True, exist_ok=True)
        (out / page.address).write_text(text, encoding="utf-8")
    pictures = [path for path in PROC.glob("images/**/*") if path.is_file()]
    for path in [*pictures, *PROC.glob("*.css"), *PROC.glob("*.html")]:
        (out / path.relative_to(PROC)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, out / path.relative_to(PROC))


def process() -> tuple:
    "Let nbdev process the notebooks, two at a time; its problem, if any, and its warnings."
    command = "from nbdev.serve import proc_nbs; proc_nbs(n_workers=2, force=True)"
    env = {k: v for k, v in os.environ.items() if k != "IN_TEST"} | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", command], cwd=ROOT, env=env, capture_output=True, text=True
    )
    said = re.search(r"^Exception: (.*)", done.stderr, re.MULTILINE)  # names notebook and cell
    why = re.search(
        r"^(\S.*)\n+The above exception was the direct cause", done.stderr, re.MULTILINE
    )
    last = " | ".join((done.stdout + done.stderr).strip().splitlines()[-6:])
    problem = (
        f"nbdev cannot process the notebooks for the site: {said[1] if said else last} {why[1] if why else ''}"
        if done.returncode
        else ""
    )
    mixed = re.findall(
        r"UserWarning: Found cells containing imports and other code[^\n]*\n---\n(.*?)\n---\n",
        done.stderr,
        re.DOTALL,
    )
    warned = [
        f"nbdev warns of a cell with imports and other code: '{m.splitlines()[-1][:80]}'; give the other code a cell of its own"
        for m in dict.fromkeys(mixed)
    ]
    others = [
        line
        for line in done.stderr.splitlines()
        if "UserWarning" in line and "imports and other code" not in line
    ]
    return problem, warned + [
        f"nbdev warns while it processes the notebooks: {line[:160]}"
        for line in dict.fromkeys(others)
    ]


def entry_point():
    "Without nbdev's entry point the pages have no links to definitions and sources."
    found = importlib.metadata.entry_points(group="nbdev")
    if not any(e.value == "contextssl._modidx:d" for e in found):
        yield 'the installed package has no entry point of nbdev, so names do not link to their definitions: pip install -e ".[dev]"'


def judge(
    there: list, settings, strict: bool = False, processed: bool = False, out: Path | None = None
):
    "Process, render and judge the site: one sentence per problem."
    config, problems = configuration(there, settings)
    yield from problems
    yield from entry_point()
    failed, warned = ("", []) if processed else process()
    if failed:
        yield failed
        return
    yield from warned
    yield from (f"_proc/{p} was not written" for p in there if not (PROC / p).exists())
    base = settings["doc_host"] + settings["doc_baseurl"]
    extra = sorted(p.relative_to(PROC).as_posix() for p in PROC.glob("*.qmd"))
    sources = [p for p in there if (PROC / p).exists()] + extra
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pages = pool.map(functools.partial(rendered, home=base), sources, chunksize=4)
    for page in pages:
        yield from page.problems
    repository = f"{settings['git_url']}/blob/{settings['branch']}"
    yield from [*broken_links(pages, base, repository), *pictures(pages), *twins(pages)]
    if "404.qmd" not in extra:
        yield "nbs/404.qmd is gone: a wrong address would end on a bare page"
    yield from badges(pages, settings)
    if strict:
        yield from wished(pages)
    if out and config:
        save(pages, config, out)


def wished(pages: list):
    "What nbdev does not show, the comments on the fields of dataclasses: no rule, but good to know."
    for page in pages:
        yield from page.strict


def warnings_in(log: Path):
    "Warnings and errors that the build of the site has printed, with their line numbers."
    for n, line in enumerate(log.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        if WARNING.search(plain := COLOUR.sub("", line)):
            yield f"{log}:{n}: {plain.strip()}"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, help="keep the pages in this folder")
    parser.add_argument("--strict", action="store_true", help="also what nbdev does not show")
    parser.add_argument(
        "--processed",
        action="store_true",
        help="judge what is in _proc, without processing it anew",
    )
    parser.add_argument("--log", type=Path, help="only judge this log of nbdev_docs")
    args = parser.parse_args()
    if args.log:
        problems = list(warnings_in(args.log))
        print("\n".join(problems), end="\n" * bool(problems))
        sys.exit(bool(problems))
    config = configparser.ConfigParser()
    config.read(ROOT / "settings.ini", encoding="utf-8")
    nbs = ROOT / "nbs"
    there = [p.relative_to(nbs) for p in sorted(nbs.rglob("*.ipynb"))]
    there = [p.as_posix() for p in there if not any(part.startswith(".") for part in p.parts)]
    problems = list(judge(there, config["DEFAULT"], args.strict, args.processed, args.out))
    print("\n".join(problems), end="\n" * bool(problems))
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
