"""Draw the site's favicon and social card into nbs/images: `python .ci/brand.py`. The card says what settings.ini says."""

import configparser
import textwrap
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.patches import Circle, FancyBboxPatch

ROOT = Path(__file__).resolve().parent.parent
BLUE, VERMILLION, INK, PAPER, GREY = "#0072B2", "#D55E00", "#1b1f24", "#ffffff", "#8a8f98"


def mark(ax, x: float, y: float, size: float):
    "One point, and two arcs that leave it: the same input under two contexts."
    s = size / 2
    for sign, color in ((1, BLUE), (-1, VERMILLION)):
        t = [k / 40 for k in range(41)]
        xs = [x - 0.52 * s + 1.0 * s * k for k in t]
        ys = [y + sign * 0.62 * s * k**1.7 for k in t]
        ax.plot(xs, ys, color=color, lw=size * 0.13, solid_capstyle="round", zorder=3)
        ax.add_patch(Circle((xs[-1], ys[-1]), 0.19 * s, color=color, zorder=4, lw=0))
    ax.add_patch(Circle((x - 0.52 * s, y), 0.25 * s, color=PAPER, zorder=5, lw=0))


def canvas(width: int, height: int, dpi: int):
    "A figure of so many pixels whose unit is 1/72 inch."
    fig = plt.figure(figsize=(width / dpi, height / dpi), dpi=dpi)
    ax = fig.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, width / dpi * 72), ylim=(0, height / dpi * 72))
    ax.axis("off")
    return fig, ax


def favicon(path: Path, pixels: int = 64):
    fig, ax = canvas(pixels, pixels, 72)
    ax.add_patch(
        FancyBboxPatch(
            (4, 4),
            pixels - 8,
            pixels - 8,
            boxstyle=f"round,pad=4,rounding_size={pixels / 5}",
            color=INK,
            lw=0,
        )
    )
    mark(ax, pixels / 2, pixels / 2, pixels)
    fig.savefig(path, dpi=72, transparent=True)
    plt.close(fig)


def social_card(path: Path, title: str, text: str, address: str):
    fig, ax = canvas(1200, 630, 150)  # the size that previews of links are cut to
    fig.patch.set_facecolor(INK)
    width, height = ax.get_xlim()[1], ax.get_ylim()[1]
    mark(ax, width - 92, height / 2 + 12, 150)
    ax.text(36, height - 74, title, color=PAPER, fontsize=40, weight="bold", va="center")
    ax.text(
        36,
        height - 118,
        textwrap.fill(text, 42),
        color="#d5d9e0",
        fontsize=14.5,
        va="top",
        linespacing=1.5,
    )
    ax.text(36, 34, address, color=GREY, fontsize=12, va="center")
    fig.savefig(path, facecolor=INK)
    plt.close(fig)


if __name__ == "__main__":
    config = configparser.ConfigParser()
    config.read(ROOT / "settings.ini", encoding="utf-8")
    settings, images = config["DEFAULT"], ROOT / "nbs/images"
    favicon(images / "favicon.png")
    social_card(
        images / "social_card.png",
        settings["title"],
        settings["description"],
        settings["git_url"].removeprefix("https://"),
    )
