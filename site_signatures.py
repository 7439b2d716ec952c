"""A step of nbdev's processing of the notebooks for the site; settings.ini names it under `procs`.

nbdev turns names in backticks into links, also in the comments of a signature, where a link shows as it is written.
"""

import re

SIGNATURE = re.compile(r"^```python\n.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[(`[^`]+`)\]\([^)\s]+\)")


def plain_signatures(cell):
    "Take the links out of the signatures that `show_doc` has put into the outputs of a cell."
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if "text/markdown" in data:
            text = "".join(data["text/markdown"])
            data["text/markdown"] = SIGNATURE.sub(
                lambda signature: LINK.sub(r"\1", signature[0]), text
            ).splitlines(True)
