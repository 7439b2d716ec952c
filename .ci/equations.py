"""Equations with a name: `$$ ... $$ {#eq-name}`, which the text of the same page refers to by `@eq-name`.

Quarto numbers them and turns `@eq-name` into "Equation 1". It knows one page at a time, so another page refers by a
link, `[words](chapter.ipynb#eq-name)`. `pages.py` does the same, and its anchors are those of Quarto.
"""

import re

NAMED = re.compile(r"\$\$((?:[^$]|\\\$)+?)\$\$ \{#(eq-[\w-]+)\}", re.DOTALL)
LABEL = re.compile(r"\{#(eq-[\w-]+)\}")
MENTION = re.compile(r"(?<![\w\[])@(eq-[\w-]*\w)")
LINK = re.compile(r"\]\(([\w./-]+\.ipynb)#(eq-[\w-]+)\)")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


def labels(text: str) -> list:
    "Names of the equations of a page, in their order."
    return LABEL.findall(CODE.sub("", text))


def mentions(text: str) -> list:
    "Names that the text of a page refers to on the page itself."
    return MENTION.findall(CODE.sub("", text))


def links(text: str) -> list:
    "Equations of other pages that a text links to: (file as written, name)."
    return LINK.findall(CODE.sub("", text))


def misplaced(text: str) -> list:
    "Labels that do not stand one space behind the end of an equation, where Quarto looks for them."
    return sorted({*labels(text)} - {name for _, name in NAMED.findall(CODE.sub("", text))})


def numbered(text: str, numbers: dict) -> str:
    "A text with anchors and numbers at its equations, and links where it refers to them."
    equation = r'<a id="\2"></a>$$\1\\qquad(NUMBER \2)$$'
    text = NAMED.sub(equation, text)
    text = re.sub(r"NUMBER (eq-[\w-]+)", lambda m: str(numbers[m[1]]), text)
    return MENTION.sub(lambda m: f"[Equation {numbers.get(m[1], '?')}](#{m[1]})", text)
