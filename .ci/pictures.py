"""Make the stored pictures of notebooks lighter: `python .ci/pictures.py nbs/03_metrics.ipynb [...]`, or all without a name.

`.ci/execute.py` does it for what it runs. A picture gets a palette of 256 colours where nobody sees a difference, which
halves its size; else it loses a channel of transparency that hides nothing. Texts in the file, such as the description,
stay.
"""

import argparse
import base64
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

ROOT = Path(__file__).resolve().parent.parent
FARTHEST, LEAST = 40, 45  # of 255, error of any pixel; decibels, of the whole picture
# the first is better for photographs, the second for lines with a few thin colours
PALETTES = (Image.Quantize.MEDIANCUT, Image.Quantize.MAXCOVERAGE)
GAIN = 0.95  # a picture is replaced by one that has at most this share of its bytes


def written(image: Image.Image, like: Image.Image) -> bytes:
    "A picture as a PNG, with the texts and the resolution of another."
    texts = PngInfo()
    for key, value in like.info.items():
        if isinstance(value, str):
            texts.add_text(key, value)
    resolution = {"dpi": like.info["dpi"]} if "dpi" in like.info else {}
    file = io.BytesIO()
    image.save(file, "png", optimize=True, pnginfo=texts, **resolution)
    return file.getvalue()


def looks_alike(image: Image.Image, other: Image.Image) -> bool:
    "Whether nobody sees a difference: no pixel is far off, and all of them are close on average."
    error = np.asarray(image, float) - np.asarray(other, float)
    decibels = 10 * np.log10(255**2 / max((error**2).mean(), 1e-9))
    return bool(np.abs(error).max() <= FARTHEST and decibels >= LEAST)


def with_palette(image: Image.Image, method: Image.Quantize) -> Image.Image:
    "The picture in 256 colours of its own, which have moved to the middle of what they stand for."
    return image.quantize(256, method=method, kmeans=3, dither=Image.Dither.NONE)


def lighter(png: bytes) -> bytes:
    "The same picture in fewer bytes, or as it is."
    with Image.open(io.BytesIO(png)) as image:
        image.load()
    if image.mode not in ("RGB", "RGBA") or np.asarray(image.convert("RGBA"))[..., 3].min() < 255:
        return png
    plain = image.convert("RGB")
    few = [with_palette(plain, method) for method in PALETTES]
    alike = [one for one in few if looks_alike(plain, one.convert("RGB"))]
    smaller = min((written(one, image) for one in alike or [plain]), key=len)
    return smaller if len(smaller) <= GAIN * len(png) else png


def lighten(notebook: dict) -> int:
    "Replace the pictures in a notebook's outputs; bytes that were saved."
    saved = 0
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            stored = output.get("data", {}).get("image/png")
            if not stored:
                continue
            png = base64.b64decode("".join(stored))
            small = lighter(png)
            if len(small) < len(png):
                text = base64.b64encode(small).decode()
                output["data"]["image/png"] = text + "\n" * "".join(stored).endswith("\n")
                saved += len(png) - len(small)
    return saved


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("notebooks", nargs="*", type=Path, help="these, instead of all")
    found = parser.parse_args().notebooks or sorted((ROOT / "nbs").rglob("*.ipynb"))
    for path in (p for p in found if ".ipynb_checkpoints" not in p.parts):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        if saved := lighten(notebook):
            text = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True)
            path.write_text(text + "\n", encoding="utf-8")
            print(f"{path.name}: {saved:,} bytes less")


if __name__ == "__main__":
    main()
