"""The checks of `.ci/run`. Each is a short function that yields one line per problem; silence is a pass.

python .ci/checks.py                  all checks that need no record of the test run
python .ci/checks.py sizes docments   only these
python .ci/checks.py --list           what there is
"""

import argparse
import ast
import configparser
import hashlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
import tarfile
import tempfile
import time
import tokenize
import zipfile
from collections import Counter
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import bibliography
import equations as named_equations
from captions import numbers_of_figures, source

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK_LIMIT, NBS_LIMIT = 700_000, 13_000_000  # bytes; about 60,000 a notebook
NOTEBOOK_SECONDS = 180  # of one notebook, beside another on a second core
DEMO_SECONDS = 60
DEVELOPMENT_ONLY = {
    "fastcore",
    "nbdev",
    "execnb",
    "hypothesis",
    "jupytext",
    "IPython",
    "nbformat",
    "nbconvert",
}
MACHINE_PATH = re.compile(r"/(?:home|root|tmp|Users|private|mnt|work)/[\w.-]+")
CHECKS = {}


def check(function):
    "Register a check under its name."
    CHECKS[function.__name__] = function
    return function


# ---- what the checks look at


@cache
def notebooks() -> list:
    "Every notebook under nbs/, hidden folders aside."
    found = (ROOT / "nbs").rglob("*.ipynb")
    return sorted(
        p for p in found if not any(part.startswith(".") for part in p.relative_to(ROOT).parts)
    )


@cache
def cells(notebook: Path) -> list:
    return json.loads(notebook.read_text(encoding="utf-8"))["cells"]


@cache
def modules() -> dict:
    "Exported modules, dotted name below the package to syntax tree."
    found = {}
    for path in sorted((ROOT / "contextssl").rglob("[!_]*.py")):
        name = ".".join(path.relative_to(ROOT / "contextssl").with_suffix("").parts)
        found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def file_of(name: str) -> str:
    "The file of an exported module, seen from the top."
    return f"contextssl/{name.replace('.', '/')}.py"


@cache
def settings():
    config = configparser.ConfigParser()
    config.read(ROOT / "settings.ini", encoding="utf-8")
    return config["DEFAULT"]


def run(*command, cwd=None, **kwargs):
    "Run a command, at the top if nothing else is said, and capture what it says."
    env = {k: v for k, v in os.environ.items() if k != "IN_TEST"}
    return subprocess.run(
        [str(c) for c in command],
        cwd=cwd or ROOT,
        env=env,
        capture_output=True,
        text=True,
        **kwargs,
    )


def tool(name: str) -> Path:
    "A command of the environment that runs this file."
    return Path(sys.executable).parent / name


def tail(result, lines: int = 6) -> str:
    return " | ".join((result.stdout + result.stderr).strip().splitlines()[-lines:])


def fingerprints() -> dict:
    "Every file that git tracks or would track, with a hash of its content."
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if listed.returncode:
        sys.exit("the checks compare files by git: run them in a git clone")
    names = sorted({name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()})
    return {name: hashlib.sha256((ROOT / name).read_bytes()).hexdigest() for name in names}


def readme_command() -> str:
    "The first `sh` block under the heading 'Install and test' of README.md."
    path = ROOT / "README.md"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    section = re.split(
        r"^#+ ", text.partition("# Install and test\n")[2], maxsplit=1, flags=re.MULTILINE
    )[0]
    block = section.partition("```sh\n")[2].partition("```")[0]
    if not block:
        sys.exit("README.md has no ```sh block under the heading 'Install and test'")
    return block


# ---- the notebooks, from the log of the test command


def notebook_results(log: str, status: int) -> dict:
    "For each notebook None if it ran and passed, else what went wrong. `nbdev_test` exits 0 when it finds no notebook."
    started = {Path(p).resolve() for p in re.findall(r"Starting (.+?\.ipynb)", log)}
    _, _, verdict = log.partition("nbdev Tests Failed On The Following Notebooks:")
    failed = set(re.findall(r"^\t(.+\.ipynb)$", verdict, re.MULTILINE))
    took = {
        name: int(seconds)
        for name, seconds in re.findall(r"^(\S+\.ipynb): (\d+) secs$", log, re.MULTILINE)
    }  # if all passed
    broken = status != 0 and not failed
    results = {}
    for path in notebooks():
        problem = "was not run" if path.resolve() not in started else None
        if path.name in failed:
            problem = "failed"
        elif problem is None and broken:
            problem = f"unknown: the test command ended with status {status}"
        elif (
            problem is None
            and not failed
            and took.get(path.name, NOTEBOOK_SECONDS + 1) > NOTEBOOK_SECONDS
        ):
            problem = f"took {took.get(path.name, 'an unknown number of')} s, and {NOTEBOOK_SECONDS} s are allowed"
        results[str(path.relative_to(ROOT))] = problem
    return results or {"nbs/": "holds no notebook"}


# ---- checks on files


@check
def sizes():
    "No notebook and no folder of notebooks grows too heavy."
    for path in notebooks():
        if path.stat().st_size > NOTEBOOK_LIMIT:
            yield f"{path.relative_to(ROOT)} has {path.stat().st_size:,} bytes, more than {NOTEBOOK_LIMIT:,}"
    tracked = (ROOT / name for name in fingerprints() if name.startswith("nbs/"))
    total = sum(p.stat().st_size for p in tracked)
    if total > NBS_LIMIT:
        yield f"nbs/ has {total:,} bytes, more than {NBS_LIMIT:,}"


@check
def outputs():
    "Committed outputs hold neither errors nor the paths of somebody's machine."
    for path in notebooks():
        for cell in cells(path):
            for out in cell.get("outputs", []):
                said = json.dumps(
                    {k: v for k, v in out.get("data", {}).items() if not k.startswith("image/")}
                )
                said += json.dumps(out.get("text", ""))
                if out["output_type"] == "error":
                    yield f"{path.name}, cell {cell['id']}: the output is an error, {out.get('ename')}"
                if match := MACHINE_PATH.search(said):
                    yield f"{path.name}, cell {cell['id']}: the output names a machine path, {match[0]}"


@check
def provenance():
    "Every committed result is listed in nbs/results/README.md, with the command that wrote it."
    folder = ROOT / "nbs/results"
    listed = (folder / "README.md").read_text(encoding="utf-8")
    lines = [line for line in listed.splitlines() if line.startswith("| `")]
    named = {
        name.rstrip("/"): line
        for line in lines
        for name in re.findall(r"`([^`]+)`", line.split("|")[1])
    }
    for name, line in named.items():
        if not (folder / name).exists():
            yield f"nbs/results/README.md lists {name}, which is not there"
        if not line.split("|")[2].strip():
            yield f"nbs/results/README.md names no command for {name}"
    for path in sorted(folder.rglob("*.json*")):
        name = path.relative_to(folder).as_posix()
        if name not in named and not any(
            name.startswith(f"{folder_name}/") for folder_name in named
        ):
            yield f"nbs/results/README.md does not say where {name} comes from"


def package_version() -> str:
    "What `contextssl.__version__` says."
    text = (ROOT / "contextssl/__init__.py").read_text(encoding="utf-8")
    return re.search(r'^__version__ = "(.*)"', text, re.MULTILINE)[1]


def top_of_changelog() -> tuple:
    "The version of the first section of CHANGELOG.md, and its date."
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    return re.search(r"^## (\S+)(?: \((.*)\))?$", text, re.MULTILINE).groups()


@check
def version():
    "settings.ini, the package, CITATION.cff and the top of CHANGELOG.md name one version."
    wanted = settings()["version"]
    cited = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    said = {
        "contextssl/__init__.py": package_version(),
        "CITATION.cff": re.search(r"^version: (.*)$", cited, re.MULTILINE)[1],
        "the first section of CHANGELOG.md": top_of_changelog()[0],
    }
    for where, found in said.items():
        if found != wanted:
            yield f"{where} says {found}, and settings.ini says {wanted}"


def not_releasable(tag: str):
    "Why a tag may not be released."
    yield from CHECKS["version"]()
    if tag != f"v{settings()['version']}":
        yield f"the tag is {tag}, and settings.ini says version {settings()['version']}"
    _, date = top_of_changelog()
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", date or ""):
        yield "the first section of CHANGELOG.md has no date: ## VERSION (YYYY-MM-DD)"
    cited = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    if f'date-released: "{date}"' not in cited:
        yield f'CITATION.cff lacks the line date-released: "{date}"'


REQUIREMENT = re.compile(r"([\w.-]+)(?:\[[\w,]+\])?(.*)")
IMPORTED_AS = {"pillow": "PIL", "scikit-learn": "sklearn", "pyyaml": "yaml"}  # others as they are
PROGRAMS = {"jupyterlab"}  # extras that are started, not imported


def requirements(key: str) -> dict:
    "What a line of settings.ini declares: the name by which it is imported -> (name, bounds)."
    found = [REQUIREMENT.fullmatch(word).groups() for word in shlex.split(settings()[key])]
    return {IMPORTED_AS.get(name, name): (name, bounds) for name, bounds in found}


def foreign(tree, everywhere: bool = True) -> set:
    "Packages of others that a module imports, anywhere or only where it is imported itself."
    found = set()
    for node in ast.walk(tree) if everywhere else tree.body:
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module.partition(".")[0])
    return found - sys.stdlib_module_names - {"contextssl"}


@check
def dependencies():
    "What is imported is declared and has a lower bound; what is declared is imported; extras only when needed."
    needed = requirements("requirements")
    extras = {}
    for key in settings():
        if key.startswith("extra_"):
            extras |= requirements(key)
    used, named = set(), set()
    for name, tree in modules().items():
        inside = foreign(tree)
        used |= inside
        named |= {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)}
        for package in sorted(inside - needed.keys() - extras.keys()):
            yield f"{file_of(name)} imports {package}, which settings.ini does not declare"
        for package in sorted(foreign(tree, everywhere=False) & extras.keys() - needed.keys()):
            yield f"{file_of(name)} imports {package} at its top, and not everybody has it"
    for package in needed.keys() - used:
        yield f"settings.ini requires {needed[package][0]}, which no module imports"
    for package in extras.keys() - used - named - PROGRAMS:
        yield f"settings.ini offers {extras[package][0]}, which no module imports or names"
    for name, bounds in {**needed, **extras}.values():
        if not re.match(r">=\d", bounds):
            yield f"settings.ini gives {name} no lower bound"
    pinned = constraints()
    for name, bounds in needed.values():
        if name not in pinned:
            yield f"constraints.txt does not say which {name} the numbers were made with"
        elif numbers_of(pinned[name]) < numbers_of(bounds):
            yield f"constraints.txt has {name} {pinned[name]}, older than {bounds}"


def numbers_of(bounds: str) -> list:
    return [int(n) for n in re.findall(r"\d+", bounds)]


def constraints() -> dict:
    "Package -> version of constraints.txt."
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def lowest() -> str:
    "The lower bounds of settings.ini as constraints for pip."
    keys = ["requirements", *(key for key in settings() if key.startswith("extra_"))]
    declared = {k: v for key in keys for k, v in requirements(key).items()}
    return "\n".join(name + bounds.replace(">=", "==") for name, bounds in declared.values())


@check
def own_tests():
    "Each check finds a fault of its kind in a small repository made for it (.ci/test_checks.py)."
    done = run(sys.executable, ROOT / ".ci/test_checks.py")
    if done.returncode:
        yield tail(done, 12)


@check
def dialect():
    "ruff has nothing to format and nothing to say (ruff.toml): one statement a line, sorted imports, no unused name."
    for command in (["format", "--check"], ["check", "--output-format", "concise"]):
        done = run(tool("ruff"), *command, ".")
        if done.returncode:
            yield f"ruff {command[0]}: {tail(done, 12)}"


@check
def types():
    "mypy has nothing to say at the level of mypy.ini, which only names modules that there are."
    config = ROOT / "mypy.ini"
    named = re.findall(r"\bcontextssl\.([\w.]+)", config.read_text(encoding="utf-8"))
    yield from (f"mypy.ini names {n}, which is no module" for n in named if n not in modules())
    done = run(tool("mypy"), "--config-file", config, "--cache-dir", os.devnull)
    if done.returncode:
        yield tail(done, 12)


MATRIX = re.compile(r"\$\{\{\s*matrix\.(\w+)\s*\}\}")
SCHEMAS = {  # files -> schema
    ".github/workflows/*.yml": "vendor.github-workflows",
    ".github/dependabot.yml": "vendor.dependabot",
    ".github/ISSUE_TEMPLATE/config.yml": "vendor.github-issue-config",
    ".github/ISSUE_TEMPLATE/[!c]*.yml": "vendor.github-issue-forms",
    "CITATION.cff": "vendor.citation-file-format",
}


def faults_of_a_job(name: str, job: dict, jobs: dict):
    "What the schema does not see: names that lead nowhere, no limit of time, actions without a version."
    needs = job.get("needs", [])
    for other in [needs] if isinstance(needs, str) else needs:
        if other not in jobs:
            yield f"job {name} needs {other}, which is not there"
    if "timeout-minutes" not in job:
        yield f"job {name} has no timeout-minutes"
    matrix = job.get("strategy", {}).get("matrix", {})
    keys = set(matrix) | {key for row in matrix.get("include", []) for key in row}
    for key in sorted(set(MATRIX.findall(json.dumps(job))) - keys):
        yield f"job {name} asks for matrix.{key}, which is not there"
    for step in job.get("steps", []):
        if "uses" in step and not re.search(r"@\S+$", step["uses"]):
            yield f"job {name} uses {step['uses']} without a version"
        for words in re.findall(r"\.ci/checks\.py((?: \w+)+)", step.get("run", "")):
            for word in words.split():
                if word not in CHECKS:
                    yield f"job {name} runs the check {word}, which is not there"
        for script in re.findall(r"\.ci/[\w.]+", step.get("run", "")):
            if not (ROOT / script).exists():
                yield f"job {name} runs {script}, which is not there"


@check
def workflows():
    "Workflows, dependabot.yml, forms and CITATION.cff follow their schemas, and all that they name is there."
    import yaml  # comes with nbdev

    for pattern, schema in SCHEMAS.items():
        files = sorted(ROOT.glob(pattern))
        if not files:
            yield f"there is no {pattern}"
            continue
        how = ["--builtin-schema", schema, "--default-filetype", "yaml"]
        done = run(tool("check-jsonschema"), *how, *files)
        if done.returncode:
            yield tail(done, 12)
    for file in sorted((ROOT / ".github/workflows").glob("*.yml")):
        said = yaml.safe_load(file.read_text(encoding="utf-8"))
        if "permissions" not in said:
            yield f"{file.name} does not say its permissions"
        for name, job in said.get("jobs", {}).items():
            for fault in faults_of_a_job(name, job, said["jobs"]):
                yield f"{file.name}: {fault}"
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    pinned = requirements("dev_requirements")["ruff"][1]
    for hook in hooks["repos"]:
        if "ruff" in hook["repo"] and hook["rev"] != pinned.replace("==", "v"):
            yield f".pre-commit-config.yaml has ruff {hook['rev']}, and settings.ini {pinned}"


WIDTH, TOKENS = 100, 35  # columns of a line; tokens on it
MODULE_LINES, PARAMETERS = 450, 7
PUBLIC_NAMES = 450  # 428 stand


def code_of(cell: dict) -> str:
    "The text of a code cell, lines for IPython left empty; nothing for other cells."
    if cell["cell_type"] != "code":
        return ""
    lines = "".join(cell["source"]).split("\n")
    return "\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in lines)


def tokens_on(text: str) -> dict:
    "Line number -> how many names, numbers, strings and operators begin on it."
    counted = Counter()
    kinds = {tokenize.NAME, tokenize.OP, tokenize.NUMBER, tokenize.STRING}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in kinds:
            counted[token.start[0]] += 1
    return counted


@check
def lines():
    "No exported line is over 100 columns, under 1 % of the others; under 1 % of all have over 35 tokens."
    long, dense, other, every = 0, 0, 0, 0
    for path in notebooks():
        for cell in cells(path):
            text = code_of(cell)
            exported = re.search(r"^#\s*\|\s*export[is]?\b", text, re.MULTILINE)
            too_long = [n for n, line in enumerate(text.split("\n"), 1) if len(line) > WIDTH]
            if exported:
                yield from (
                    f"{path.name}, cell {cell['id']}, line {n} is over {WIDTH} columns"
                    for n in too_long
                )
            else:
                long += len(too_long)
                other += text.count("\n") + 1
            counts = tokens_on(text)
            dense += sum(n > TOKENS for n in counts.values())
            every += len(counts)
    if long > 0.01 * other:
        yield f"{long} of {other} lines that are not exported are over {WIDTH} columns, more than 1 %"
    if dense > 0.01 * every:
        yield f"{dense} of {every} lines have more than {TOKENS} tokens, more than 1 %"


def public_names(tree) -> list:
    "What a module lists under `__all__`."
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return ast.literal_eval(node.value)
    return []


@check
def house():
    "Modules are short, public names few and told once, signatures short."
    homes = {}
    for name, tree in modules().items():
        size = len((ROOT / file_of(name)).read_text(encoding="utf-8").splitlines())
        if size > MODULE_LINES:
            yield f"{file_of(name)} has {size} lines, more than {MODULE_LINES}: it holds more than one idea"
        for public in public_names(tree):
            homes.setdefault(public, []).append(name)
        for node in ast.walk(tree):
            if isinstance(node, FUNCTIONS):
                a = node.args
                given = [x.arg for x in a.posonlyargs + a.args + a.kwonlyargs]
                count = len([x for x in given if x not in ("self", "cls")])
                if count > PARAMETERS:
                    yield f"{name}.{node.name} takes {count} parameters, more than {PARAMETERS}"
    yield from (
        f"{public} is defined in {' and in '.join(places)}: a public name has one meaning"
        for public, places in homes.items()
        if len(places) > 1
    )
    if len(homes) > PUBLIC_NAMES:
        yield f"the package has {len(homes)} public names, more than {PUBLIC_NAMES}"


@check
def openings():
    "Every notebook begins with a title and one line that says what it is about."
    for path in notebooks():
        first = next(iter(cells(path)), {"cell_type": "none"})
        text = "".join(first.get("source", ""))
        if first["cell_type"] != "markdown" or not re.match(r"# .+\n+> .+", text):
            yield f"{path.name} does not begin with '# Title' and '> one line'"


ARRAY = re.compile(r"Tensor|ndarray|ArrayLike")
SHAPE = re.compile(r"\([^()]+\)|\bscalars?\b|\bshape\b")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def gives_something(function) -> bool:
    "Whether a function returns or yields a value; functions inside it do not count."
    inside = list(function.body)
    while inside:
        node = inside.pop()
        if (
            isinstance(node, (ast.Yield, ast.YieldFrom))
            or isinstance(node, ast.Return)
            and node.value is not None
        ):
            return True
        if not isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.Lambda)):
            inside += ast.iter_child_nodes(node)
    return False


def undocumented(function, lines: list, where: str, sentence: bool = True):
    "Problems of one function: its sentence, the types of its parameters and of what it gives, the shapes of arrays."
    docstring = ast.get_docstring(function) or ""
    if sentence and not docstring:
        yield f"{where} has no docstring"
    comment = lambda line: lines[line - 1].partition("#")[2]
    beside = lambda first, last: " ".join(map(comment, range(first, last + 1)))
    last = function.body[0].lineno - 1  # of the signature
    signature = map(comment, range(function.lineno, last + 1))
    mapping = [said for said in signature if "->" in said]  # "(n, d) -> (n, e)" speaks of all
    top = " ".join([comment(function.lineno), *mapping, docstring])
    args = function.args
    for arg in args.posonlyargs + args.args + args.kwonlyargs:
        if arg.arg in ("self", "cls"):
            continue
        if arg.annotation is None:
            yield f"{where}: parameter {arg.arg} has no type"
        elif ARRAY.search(ast.unparse(arg.annotation)) and not SHAPE.search(
            f"{beside(arg.lineno, arg.end_lineno)} {top}"
        ):
            yield f"{where}: parameter {arg.arg} has no shape"
    if function.returns is None and gives_something(function):
        yield f"{where}: what it returns has no type"
    elif function.returns is not None and ARRAY.search(ast.unparse(function.returns)):
        if not SHAPE.search(f"{beside(function.returns.lineno, last)} {top}"):
            yield f"{where}: what it returns has no shape"


@check
def docments():
    "Public functions, classes and methods have a sentence, types, and shapes of arrays."
    for name, tree in modules().items():
        lines = (ROOT / file_of(name)).read_text(encoding="utf-8").splitlines()
        for node in tree.body:
            if not isinstance(node, (*FUNCTIONS, ast.ClassDef)) or node.name.startswith("_"):
                continue
            if isinstance(node, FUNCTIONS):
                yield from undocumented(node, lines, f"{name}.{node.name}")
                continue
            if not ast.get_docstring(node):
                yield f"{name}.{node.name} has no docstring"
            for method in (m for m in node.body if isinstance(m, FUNCTIONS)):
                if not method.name.startswith("_") or method.name in ("__init__", "__call__"):
                    yield from undocumented(
                        method,
                        lines,
                        f"{name}.{node.name}.{method.name}",
                        method.name not in ("forward", "__init__", "__call__"),
                    )


def imported(name: str, tree) -> set:
    "Dotted names that a module of the package imports, anywhere in it; relative ones are resolved."
    package = ["contextssl", *name.split(".")[:-1]]
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*above, *filter(None, [node.module])])
            inside = {f"{source}.{alias.name}" for alias in node.names}
            modules_inside = {n for n in inside if n.removeprefix("contextssl.") in modules()}
            names |= modules_inside or {source}
    return names


# From the bottom up. The ground floor and the top floor have no folder: chapters below 10 and from 10 on.
# The benchmarks stand beside the top floor, below the command line, which alone imports them.
ROOMS = ("ground", "render", "data", "methods", "training", "evaluation", "figures", "top")
BENCHMARKS = ("top", 19)


def place(path: Path) -> tuple:
    "Where a notebook stands: its room, and its number in it."
    number = int(path.name.split("_")[0])
    room = path.parent.name
    if path.parent == ROOT / "nbs":
        room = "ground" if number < 10 else "top"
    if room == "benchmarks":
        room, number = BENCHMARKS[0], BENCHMARKS[1] + number / 100
    return ROOMS.index(room), number


@check
def imports():
    "A module stands only on rooms below its own and on lower numbers in it, and on nothing that only development installs."
    places = {}
    for path in notebooks():
        for cell in cells(path):
            if match := re.search(
                r"^#\s*\|\s*default_exp (\S+)", "".join(cell["source"]), re.MULTILINE
            ):
                places[match[1]] = place(path)
    for name, tree in modules().items():
        if name not in places:
            yield f"{file_of(name)} is exported by no notebook"
            continue
        for target in imported(name, tree):
            top, _, rest = target.partition(".")
            if top in DEVELOPMENT_ONLY:
                yield f"{name} imports {target}, which users do not install"
            if (
                top == "contextssl"
                and rest in modules()
                and places.get(rest, (99, 0)) >= places[name]
            ):
                yield f"{name} imports {target}, which is not below it"
            if (
                rest.startswith("benchmarks.")
                and not name.startswith("benchmarks.")
                and name != "cli"
            ):
                yield f"{name} imports {target}, and only the command line may"


@check
def site():
    "Every page of the site renders: links, anchors, images, show_doc, front matter, sidebar, weight; _quarto.yml is sound."
    done = run(sys.executable, ROOT / ".ci/pages.py")
    yield from done.stdout.splitlines()
    if done.returncode and not done.stdout.strip():
        yield f".ci/pages.py ended with status {done.returncode}: {tail(done)}"


@check
def moves():
    "The page one can move does so in a headless Chromium, by keys too; contrast, width, names, no request."
    done = run(sys.executable, ROOT / ".ci/browser.py")
    if done.returncode and not done.stdout.strip():
        yield f".ci/browser.py ended with status {done.returncode}: {tail(done)}"
    elif done.returncode:
        yield from done.stdout.splitlines()
    elif done.stdout.startswith("skipped"):
        print(f"moves: {done.stdout.strip()}")


@check
def regenerated():
    "Export, clean, README and lists bring nothing new: what is committed is what the notebooks say."
    before = fingerprints()
    for command in [
        [tool("nbdev_export")],
        [tool("nbdev_clean")],
        [sys.executable, ROOT / ".ci/readme.py"],
        [sys.executable, ROOT / ".ci/listing.py"],
    ]:
        done = run(*command)
        if done.returncode:
            yield f"{Path(command[-1]).name} failed: {tail(done)}"
    yield from differences(before, fingerprints())


def differences(before: dict, after: dict):
    "One line per file that came, went or changed."
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            how = (
                "appeared" if name not in before else "is gone" if name not in after else "changed"
            )
            yield f"{name} {how}"


def prose(notebook: Path) -> str:
    "The text of a notebook, without its code."
    return "\n\n".join(source(c) for c in cells(notebook) if c["cell_type"] == "markdown")


ARXIV = re.compile(r"\barxiv(?:\.org/abs/|[: ]+)\d{4}\.\d{4,5}", re.IGNORECASE)


@check
def references():
    "Every paper that is cited is in nbs/references.bib, and every entry there is whole and cited."
    file = ROOT / "nbs/references.bib"
    known, used = bibliography.entries(file), set()
    yield from bibliography.faults(file)
    for path in notebooks():
        for key in dict.fromkeys(bibliography.cited(prose(path))):
            used.add(key)
            if key not in known:
                yield f"{path.name} cites {key}, which is not in references.bib"
        if path.name != "index.ipynb" and (match := ARXIV.search(prose(path))):
            yield f"{path.name} names a paper as {match[0]}: cite its key of references.bib"
    yield from (f"references.bib has {key}, which nobody cites" for key in known.keys() - used)


@check
def equations():
    "Every equation that is referred to has its name once, and every name is referred to."
    pages = {path.relative_to(ROOT / "nbs").as_posix(): prose(path) for path in notebooks()}
    homes, used = {}, set()
    for page, text in pages.items():
        for name in named_equations.labels(text):
            homes.setdefault(name, []).append(page)
        for name in named_equations.misplaced(text):
            yield f"{page}: {{#{name}}} does not stand behind an equation, as in $$ a = b $$ {{#{name}}}"
    for page, text in pages.items():
        for name in dict.fromkeys(named_equations.mentions(text)):
            used.add(name)
            if page not in homes.get(name, []):
                yield f"{page} refers to @{name}, which the page does not have"
        for file, name in dict.fromkeys(named_equations.links(text)):
            used.add(name)
            target = os.path.normpath(os.path.join(os.path.dirname(page), file))
            if target not in homes.get(name, []):
                yield f"{page} links to {file}#{name}, which is not there"
    for name, places in homes.items():
        if len(places) > 1:
            yield f"{name} names an equation in {' and in '.join(places)}"
    yield from (f"{homes[n][0]}: nobody refers to {n}" for n in homes.keys() - used)


MATH = re.compile(r"\$\$.*?\$\$|\$[^$\n]+\$", re.DOTALL)
MEANING = re.compile(r"\b(?:second|third|fourth|other|another) meaning\b", re.IGNORECASE)


def rows_of_symbols() -> list:
    "The table of symbols in nbs/notation.ipynb: for each row the cells, and the symbols of the first."
    table = prose(ROOT / "nbs/notation.ipynb").partition("## Symbols\n")[2].partition("\n## ")[0]
    lines = [line for line in table.splitlines() if line.startswith("| $")]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [(row, re.split(r",\\ |, ", row[0].replace("$", ""))) for row in rows]


@check
def symbols():
    "A symbol has one row in the table of notation.ipynb and one meaning, and stands in the chapters of its row."
    if not (ROOT / "nbs/notation.ipynb").exists():
        return
    homes = Counter(symbol for _, names in rows_of_symbols() for symbol in names)
    yield from (f"notation.ipynb has {n} rows for ${s}$" for s, n in homes.items() if n > 1)
    for row, names in rows_of_symbols():
        if MEANING.search(" ".join(row)):
            yield f"notation.ipynb gives {row[0]} more than one meaning"
        for file in re.findall(r"\]\(([\w/]+\.ipynb)", row[-1]):
            if not (ROOT / "nbs" / file).exists():
                yield f"notation.ipynb sends {row[0]} to {file}, which is not there"
                continue
            said = " ".join(MATH.findall(prose(ROOT / "nbs" / file)))
            if not any(re.search(symbol_in_text(name), said) for name in names):
                yield f"notation.ipynb sends {row[0]} to {file}, whose formulas do not have it"


def symbol_in_text(symbol: str) -> str:
    "A pattern that finds a symbol in formulas, whatever index or argument it has there."
    core = re.match(r"(?:\\hat )?\\?[A-Za-z]+(?:_\{inv\}|_\{eq\})?", symbol)[0]
    return rf"(?<![A-Za-z\\]){re.escape(core)}(?![A-Za-z])"


# ---- figures and tutorials


@check
def captions():
    "Under every figure of the book stands a caption, and each page numbers its own; `.ci/captions.py` writes the numbers."
    for path in notebooks():
        if path.name != "index.ipynb":
            found = cells(path)
            yield from (f"{path.name}: {fault}" for fault in numbers_of_figures(found)[1])


@check
def front_page():
    "README.md stays a front page: under 900 words and at most three pictures, each with a caption."
    if not (ROOT / "README.md").exists():
        return
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    if (words := len(text.split())) >= 900:
        yield f"README.md has {words} words, and should have under 900"
    if (pictures := len(re.findall(r"^!\[", text, re.MULTILINE))) > 3:
        yield f"README.md has {pictures} pictures, and should have at most three"
    yield from numbers_of_figures(cells(ROOT / "nbs/index.ipynb"))[1]


def reading_order() -> list:
    "The one list of tutorials, in the order in which they are read: that of the sidebar."
    text = (ROOT / "nbs/_quarto.yml").read_text(encoding="utf-8")
    return re.findall(r"^\s*- tutorials/(\w+)\.ipynb$", text, re.MULTILINE)


def faults_of_tutorial(name: str, after: str) -> list:
    "What a tutorial lacks; `after` is the name of the next one, or empty."
    found = cells(ROOT / f"nbs/tutorials/{name}.ipynb")
    texts = [source(cell) for cell in found]
    problems = []
    if not re.search(r"^\*\*[^*\n]+\?\*\*$", texts[1], re.MULTILINE):
        problems.append("does not open with its question: **A sentence that ends so?**")
    last = texts[-1].strip().splitlines()[-1]
    if after and not last.startswith("Next: [") or after and f"({after}.ipynb)" not in last:
        problems.append(f"does not end with a line Next: [...]({after}.ipynb)")
    if not any("## Exercises" in text and "<details>" in text for text in texts):
        problems.append("has no ## Exercises with answers in <details>")
    code = [
        source(c) for c in found if c["cell_type"] == "code" and "#| eval: false" not in source(c)
    ]
    early = [
        text for text in code[:-1] if re.search(r"^\s*(?:from|import) contextssl\b", text, re.M)
    ]
    if name == "from_scratch" and early:
        problems.append("imports the package before its last cell of code")
    for cell in found:
        longest = max(map(len, source(cell).splitlines()), default=0)
        if cell["cell_type"] == "code" and longest > 100:
            problems.append(f"has a line of {longest} columns in {cell['id']}")
    return problems


@check
def tutorials():
    "Tutorials have one reading order, open with a question, end with exercises, and cut no line of code off."
    order = reading_order()
    there = {p.stem for p in notebooks() if p.parent.name == "tutorials"}
    yield from (f"_quarto.yml does not list tutorials/{n}.ipynb" for n in sorted(there - {*order}))
    for name, after in zip(order, [*order[1:], ""]):
        if name in there:
            yield from (f"{name}.ipynb: {fault}" for fault in faults_of_tutorial(name, after))
    front = "\n".join(map(source, cells(ROOT / "nbs/index.ipynb")))
    begin = front.rpartition("## Where to begin")[2]
    rows = "\n".join(line for line in begin.splitlines() if line.startswith("|"))
    table = re.findall(r"\(tutorials/(\w+)\.ipynb\)", rows)
    if table != [name for name in order if name in table]:
        yield f"the front page lists {', '.join(table)}, which is not the order of _quarto.yml"


# ---- checks on what is built and run


WHEEL_LIMIT = 25_000_000  # bytes
WEIGHT_FILES = ("README.md", "model.json", "model.safetensors")
IMPORT_SECONDS = 0.1  # of processor time
ALONE = """
import socket, sys, time

def nobody(*given):
    raise OSError("there is no network")

socket.socket.connect = nobody
begun = time.process_time()
import contextssl as cs
seconds = time.process_time() - begun
assert cs.__file__.startswith(sys.argv[1]), cs.__file__
assert "torch" not in sys.modules, "import contextssl imports torch"
assert seconds < float(sys.argv[2]), f"import contextssl takes {seconds:.3f} s"
from contextssl.cli import main
assert main(["--version"]) == 0
import torch
for name in sys.argv[3:]:
    z = cs.load(name).encode(torch.zeros(2, 3, 64, 64))
    assert z.isfinite().all(), name
"""


def shipped() -> list:
    "Weights of ckpt/ that a wheel brings along."
    return sorted(card.parent.name for card in (ROOT / "ckpt").glob("*/model.json"))


def what_is_built(wheel: Path, sdist: Path):
    "What the two files hold, and should or should not."
    version, weights = settings()["version"], shipped()
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        entries = archive.read(f"contextssl-{version}.dist-info/entry_points.txt").decode()
        for name in weights:
            for file in WEIGHT_FILES:
                inside = f"contextssl/ckpt/{name}/{file}"
                if inside not in names:
                    yield f"the wheel lacks {inside}"
                elif archive.read(inside) != (ROOT / "ckpt" / name / file).read_bytes():
                    yield f"{inside} of the wheel is not that of ckpt/"
    with tarfile.open(sdist) as archive:
        source = {name.partition("/")[2] for name in archive.getnames()}
    own = ("contextssl/", f"contextssl-{version}.dist-info/")
    if "[nbdev]\ncontextssl = contextssl._modidx:d" not in entries:
        yield "the wheel has no entry point of nbdev, by which the site links names to their definitions"
    yield from (f"the wheel holds {n}" for n in names if not n.startswith(own))
    needed = [*map(file_of, modules()), "contextssl/py.typed"]
    needed.append(f"contextssl-{version}.dist-info/licenses/LICENSE")
    yield from (f"the wheel lacks {n}" for n in needed if n not in names)
    needed = ["settings.ini", "setup.py", "README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff"]
    needed += [f"ckpt/{name}/{file}" for name in weights for file in WEIGHT_FILES]
    yield from (f"the sdist lacks {n}" for n in needed if n not in source)
    books = sorted(n for n in [*names, *source] if n.endswith(".ipynb"))
    if books:
        yield f"{len(books)} notebooks are in what is built, among them {books[0]}"
    if wheel.stat().st_size > WHEEL_LIMIT:
        yield f"the wheel has {wheel.stat().st_size:,} bytes, more than {WHEEL_LIMIT:,}"


@check
def packages():
    "The wheel, built from the sdist, holds the package, its weights and nothing else, and works alone, without a network."
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder).resolve()
        done = run(sys.executable, "-m", "build", "--outdir", folder, ROOT)
        if done.returncode:
            yield f"python -m build failed: {tail(done)}"
            return
        wheel, sdist = next(folder.glob("*.whl")), next(folder.glob("*.tar.gz"))
        yield from what_is_built(wheel, sdist)
        alone, empty = folder / "alone", folder / "empty"
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(alone)
        empty.mkdir()
        env = {**os.environ, "PYTHONPATH": str(alone)}
        words = [sys.executable, "-c", ALONE, alone, IMPORT_SECONDS, *shipped()]
        done = subprocess.run(
            list(map(str, words)), cwd=empty, env=env, capture_output=True, text=True
        )
        if done.returncode:
            yield f"the wheel does not work alone: {tail(done, 3)}"


def demo(folder: Path, name: str, seed: int) -> SimpleNamespace:
    "One run of the demo at its smallest setting."
    start = time.perf_counter()
    done = run(
        tool("contextssl"),
        "demo",
        "preset=smoke",
        f"seed={seed}",
        f"out={folder / name}",
        cwd=folder,
        timeout=600,
    )
    seconds = time.perf_counter() - start
    path = folder / name / "results.json"
    return SimpleNamespace(
        done=done, seconds=seconds, results=path.read_bytes() if path.exists() else b""
    )


@check
def demo_end_to_end():
    "The smallest demo takes under a minute, repeats itself byte for byte, and depends on its seed."
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        first, again, other = (
            demo(folder, "first", 0),
            demo(folder, "again", 0),
            demo(folder, "other", 1),
        )
        for name, one in {"first": first, "again": again, "other": other}.items():
            if one.done.returncode or not one.results:
                yield f"the {name} run ended with status {one.done.returncode}: {tail(one.done)}"
            if one.seconds > DEMO_SECONDS:
                yield f"the {name} run took {one.seconds:.0f} s, more than {DEMO_SECONDS}"
        if first.results != again.results:
            yield "two runs with seed 0 wrote different results.json"
        if first.results == other.results:
            yield "seeds 0 and 1 wrote the same results.json"
        wanted = ["results.csv", "metrics.jsonl", "checkpoints", "figures"]
        yield from (f"the demo wrote no {w}" for w in wanted if not (folder / "first" / w).exists())
        figures = list((folder / "first/figures").glob("*.png"))
        if len(figures) < 5:
            yield f"the demo wrote {len(figures)} figures, fewer than 5"


@check
def bad_input():
    "Bad input ends in one sentence on stderr and a non-zero status, and leaves nothing behind."
    cases = {
        "an unknown option": "no_such_option=1",
        "a wrong type": "seed=soon",
        "a missing folder": "data_dir=no/such/folder",
    }
    with tempfile.TemporaryDirectory() as folder:
        for what, argument in cases.items():
            done = run(
                tool("contextssl"),
                "demo",
                "preset=smoke",
                "out=run",
                argument,
                cwd=folder,
                timeout=120,
            )
            said = [line for line in done.stderr.splitlines() if line.strip()]
            if done.returncode == 0:
                yield f"{what} ({argument}) is accepted"
            if len(said) != 1 or "Traceback" in done.stdout + done.stderr:
                yield f"{what} ({argument}) is answered with {len(said)} lines on stderr: {tail(done)}"
            if (Path(folder) / "run/results.json").exists():
                yield f"{what} ({argument}) leaves a results.json"


AS_WINDOWS = """
import sys
from contextssl.cli import main

for line in sys.argv[1:]:
    if main(line.split()):
        sys.exit(line)
"""
COMMANDS = (
    "render drawn objects=5 views=4 size=32 workers=2 classes=mug,chair",
    "render drawn objects=5 views=4 size=32 workers=2 classes=mug,chair",
    "render Möbel format=files objects=2 views=2 size=32 workers=1 classes=mug",
    "data pack Möbel gepackt size=16",
    "data verify gepackt",
    "train data_dir=drawn out=one preset=smoke batch_size=4 max_steps=2 workers=2 device=cpu",
    "train resume=one",
    "eval all load_model=one data_dir=drawn preset=smoke eval_ctxt=0,2 device=cpu out=judged --report",
    "demo preset=smoke out=demo",
    "demo preset=smoke out=demo",
)


@check
def windows():
    "Commands work as on Windows, which .ci/windows plays: open files stay, names are refused, pipes are cp1252."
    if os.name == "nt":
        return
    with tempfile.TemporaryDirectory() as folder:
        path = os.pathsep.join(map(str, (Path(__file__).resolve().parent / "windows", ROOT)))
        env = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, "-c", AS_WINDOWS, *COMMANDS],
            cwd=folder,
            env=env,
            capture_output=True,
            text=True,
            encoding="cp1252",
            errors="replace",
        )
        if done.returncode:
            yield tail(done, 3)


# ---- running them


def verdict(name: str, problems: list, seconds: float | None = None) -> bool:
    "Print one line for a check, and its problems under it."
    took = "" if seconds is None else f"  ({seconds:.1f} s)"
    print(f"{'FAIL' if problems else 'ok  '}  {name}{took}", flush=True)
    for problem in problems:
        print(f"      {problem}", flush=True)
    return not problems


def judge(name: str) -> bool:
    "Run one check; an exception in it is a problem too."
    start = time.perf_counter()
    try:
        problems = list(CHECKS[name]())
    except Exception as e:
        problems = [f"the check itself failed: {type(e).__name__}: {e}"]
    return verdict(name, problems, time.perf_counter() - start)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="checks to run; all if none is named")
    parser.add_argument("--list", action="store_true", help="say what each check asks")
    parser.add_argument(
        "--snapshot", type=Path, help="write the state of all files to this file and stop"
    )
    parser.add_argument(
        "--readme-command", action="store_true", help="print the test command of README.md and stop"
    )
    parser.add_argument(
        "--lowest", action="store_true", help="print constraints to the lowest versions and stop"
    )
    parser.add_argument(
        "--release", metavar="TAG", help="only say whether this tag may be released"
    )
    parser.add_argument(
        "--before", type=Path, help="a snapshot that the files must still agree with at the end"
    )
    parser.add_argument("--test-log", type=Path, help="what the test command printed")
    parser.add_argument(
        "--test-status", type=int, default=0, help="the exit status of the test command"
    )
    args = parser.parse_args()
    if unknown := set(args.names) - CHECKS.keys():
        sys.exit(f"there is no check {', '.join(sorted(unknown))}; there are {', '.join(CHECKS)}")
    if args.list:
        return print(
            "\n".join(f"{name:16} {function.__doc__}" for name, function in CHECKS.items())
        )
    if args.snapshot:
        return args.snapshot.write_text(json.dumps(fingerprints(), indent=1))
    if args.readme_command:
        return print(readme_command(), end="")
    if args.lowest:
        return print(lowest())
    if args.release:
        sys.exit("\n".join(not_releasable(args.release)) or 0)

    passed = []
    if args.test_log:
        results = notebook_results(args.test_log.read_text(errors="replace"), args.test_status)
        passed += [verdict(name, [problem] if problem else []) for name, problem in results.items()]
        passed.append(
            verdict("test command", [f"exit status {args.test_status}"] if args.test_status else [])
        )
    passed += [judge(name) for name in args.names or CHECKS]
    if args.before:
        left = list(differences(json.loads(args.before.read_text()), fingerprints()))
        passed.append(verdict("nothing left behind", left))
    print(f"{sum(passed)} passed, {len(passed) - sum(passed)} failed")
    sys.exit(not all(passed))


if __name__ == "__main__":
    main()
