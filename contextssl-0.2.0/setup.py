"""Reads settings.ini, so that name, version and requirements stand in one place."""

import re
import shutil
from configparser import ConfigParser
from pathlib import Path
from shlex import split

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

here = Path(__file__).parent
config = ConfigParser()
config.read(here / "settings.ini", encoding="utf-8")
s = config["DEFAULT"]

# On PyPI the pictures of the README are not beside it, so they are fetched from the repository.
pictures = f"{s['git_url']}/{s['branch']}/".replace("//github.com/", "//raw.githubusercontent.com/")
readme = (here / "README.md").read_text(encoding="utf-8")
readme = re.sub(r'(!\[[^\]]*\]\(|<img [^>]*src=")(?!https?:)', rf"\g<1>{pictures}", readme)

extras = {key[6:]: split(value) for key, value in s.items() if key.startswith("extra_")}


class with_weights(build_py):
    "Copies the shipped weights and their cards into the package that is built."

    def run(self):
        super().run()
        if getattr(self, "editable_mode", False):
            return  # the clone has them in ckpt/
        for card in sorted((here / "ckpt").glob("*/model.json")):
            folder = Path(self.build_lib, s["lib_path"], "ckpt", card.parent.name)
            folder.mkdir(parents=True, exist_ok=True)
            for name in ("model.json", "model.safetensors", "README.md"):
                shutil.copyfile(card.parent / name, folder / name)


setup(
    name=s["lib_name"],
    version=s["version"],
    description=s["description"],
    long_description=readme,
    long_description_content_type="text/markdown",
    author=s["author"],
    author_email=s["author_email"],
    url=s["git_url"],
    license="MIT",
    license_files=["LICENSE"],
    keywords=s["keywords"],
    packages=find_packages(include=["contextssl", "contextssl.*"]),
    package_data={"contextssl": ["*.json", "py.typed"]},
    cmdclass={"build_py": with_weights},
    python_requires=f">={s['min_python']}",
    install_requires=split(s["requirements"]),
    extras_require={"dev": split(s["dev_requirements"]), **extras},
    entry_points={
        "console_scripts": split(s["console_scripts"]),
        "nbdev": [
            f"{s['lib_name']}={s['lib_path']}._modidx:d"
        ],  # by which the documentation finds definitions and sources
    },
    zip_safe=False,
)
