# %% [markdown]
# # Other poses, moved objects
#
# > 3DIEBench-OOD and 3DIEBench-T: what they are, how they open, pack and are judged, and what trained weights make of both

# %% [markdown]
# Two relatives of 3DIEBench ask what its own test split cannot. 3DIEBench-OOD (with seq-JEPA) shows held-out objects at other angles: does a model know poses, or those poses? 3DIEBench-T (with EquiCaps) also moves the objects: a third factor, in two possible frames. After this chapter you can render small sets of both kinds in exactly their layouts, open, verify, pack and judge them, train on three factors, and say what the shipped weights do where their training never was.

# %%
import json
import shutil
import tarfile
import tempfile
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from fastcore.test import test_eq, test_fail

from contextssl.data.encoded import EncodedViews
from contextssl.data.packing import pack, verify
from contextssl.data.registry import (
    DataOptions,
    ObjectOptions,
    follows_from,
    open_ahead,
    open_data,
    open_test_views,
)
from contextssl.data.threediebench import open_views
from contextssl.evaluation.embeddings import encode_views
from contextssl.evaluation.options import EvalConfig
from contextssl.evaluation.oracle import Oracle
from contextssl.evaluation.protocol import evaluate
from contextssl.figures.palette import BLUE, LIGHT, VERMILLION
from contextssl.files import in_repository, write_atomic
from contextssl.groups import geodesic_angle, quat_from_euler
from contextssl.methods.recipes import build_method, recipe
from contextssl.render.embedded import object_mesh, render_dataset
from contextssl.render.factors import MOVED
from contextssl.render.renderer import Renderer
from contextssl.render.scene import sample_latents
from contextssl.training.checkpoints import load
from contextssl.training.config import TrainConfig
from contextssl.training.loop import train

# %% [markdown]
# ## Poses that no usual angles give
#
# Each Euler angle of 3DIEBench lies within a quarter turn of 0. The published set of other poses has every angle between a quarter turn and half a turn, to either side. As [the reach of a probe](01_strength.ipynb) shows, these are no other poses: $(\alpha, \beta, \gamma)$ and $(\alpha + \pi, \pi - \beta, \gamma + \pi)$ are one rotation. What is new in that set is the sign of half of the quaternions, on which $R^2$ depends and the angle between two poses does not. `angles="outside"` draws [what the usual range lacks](../render/07_scene.ipynb): with $R$ a usual pose, one of
#
# $$ R\,R_x(\pi), \qquad R_z(\pi)\,R, \qquad R_z(\pi)\,R\,R_x(\pi), $$
#
# with equal probability. The picture draws one object by four columns of poses, in the usual way, by the published angles, and by angles outside.

# %%
#| fig-alt: "A chair in six poses, three rows. In the first row it stands upright or leans within a quarter turn. The second row, drawn from angles between 90 and 180 degrees, is the same as the first, image for image. In the third row the chair lies upside down or shows its back."
usual = sample_latents(6, np.random.default_rng(4))
usual[:, 3:] = [0.6, 0.3, 0.8, 0.12]
published, outer = usual.copy(), usual.copy()
published[:, :3] = np.pi * np.array([1, 1, 1]) + usual[:, :3] * [1, -1, 1]
published[:, :3] -= 2 * np.pi * (published[:, :3] > np.pi)
outer[:, :3] = sample_latents(6, np.random.default_rng(4), "outside")[:, :3]
assert (np.abs(np.degrees(published[:, :3])) >= 90).all()
draw = Renderer(64)
chair = object_mesh("chair/0003")
rows = [draw(chair, latents) for latents in (usual, published, outer)]
assert np.abs(rows[0].astype(int) - rows[1]).mean() < 0.1 < np.abs(rows[0] - rows[2]).mean()


def shown(rows, names, width=6.4):
    "Rows of images, with a name each."
    count, size = rows[0].shape[:2]
    fig = plt.figure(figsize=(width, width * 0.85 * len(rows) / count))
    ax = fig.add_axes([0.15, 0, 0.85, 1])
    sheet = np.stack(rows).transpose(0, 2, 1, 3, 4).reshape(len(rows) * size, count * size, 3)
    ax.imshow(sheet, aspect="auto")
    ax.set_yticks(np.arange(len(rows)) * size + size / 2, names, fontsize=8)
    ax.set_xticks([])
    ax.tick_params(length=0)
    ax.set_frame_on(False)
    plt.show()


shown(rows, ["usual angles", "published\n“outside”", "outside"])

# %% [markdown]
# *A chair in six poses. First row: angles of 3DIEBench. Second row: angles of the published set of other poses, each between a quarter and half a turn to either side; it holds the same poses. Third row: `angles="outside"`.*

# %% [markdown]
# In numbers, on 4,000 poses each: how far is a pose from the nearest one that the usual angles give? The nearest of 20,000 usual poses is a bound from above. A usual pose has a neighbour within a few degrees, and so has a pose of the published angles, of which half have the quaternion's other sign. A pose outside may lie just beyond the border, or far from it.

# %%
def to_nearest(latents, usual):  # (n, 7), (m, 7) -> (n,) degrees
    "The angle between each pose and the nearest of the usual ones."
    q, known = (quat_from_euler(torch.from_numpy(l[:, :3])) for l in (latents, usual))
    cosine = (q @ known.T).abs().amax(1).clamp(max=1)
    return np.degrees(2 * np.arccos(cosine.numpy()))


rng = np.random.default_rng
known = sample_latents(20_000, rng(0))
sets = {
    "usual": sample_latents(4000, rng(1)),
    "published": sample_latents(4000, rng(1), (90, 180)),
    "outside": sample_latents(4000, rng(1), "outside"),
}
sets["published"][:, :3] *= rng(2).choice([-1, 1], (4000, 3))
near = {name: to_nearest(latents, known) for name, latents in sets.items()}
for name, angle in near.items():
    q = quat_from_euler(torch.from_numpy(sets[name][:, :3]))
    print(f"{name:10s} nearest usual pose: median {np.median(angle):4.1f} degrees,", end=" ")
    negative = (q[:, 3] < 0).double().mean()
    print(f"95 % {np.quantile(angle, 0.95):4.1f}; negative scalar part in {negative:.0%}")
assert abs(np.median(near["published"]) - np.median(near["usual"])) < 0.5
assert np.median(near["outside"]) > 3 * np.median(near["usual"])

# %% [markdown]
# ## 3DIEBench-OOD as it lies on disk
#
# The published folder holds validation objects only. Its views count from 2, and no split files say what is for training. `contextssl render OUT angles=outside format=files views=4` writes a set in this layout. What makes it a set to be judged on is its own `meta.json`; the published one has none, so we take it away, and let the views count from another number still.

# %%
folder = Path(tempfile.mkdtemp())
tiny = dict(objects=3, size=32, classes=["chair", "lamp", "mug"], workers=1, progress=False)
ood = render_dataset(folder / "ood", views=4, angles="outside", format="files", **tiny)
print(*sorted(p.name for p in ood.iterdir()))
print(*sorted(p.name for p in (ood / "mug/0001").iterdir()))
test_eq(set(open_views(ood).split), {"val"})  # there is nothing to train on

foreign = folder / "foreign"
for name in open_views(ood).object_names:
    (foreign / name).mkdir(parents=True)
    for k in range(2, 6):
        for file in ("image_{}.jpg", "latent_{}.npy"):
            shutil.copy(ood / name / file.format(k), foreign / name / file.format(k + 5))
test_eq([verify(path, progress=False) for path in (ood, foreign)], [[], []])

# %% [markdown]
# Both open, and packed they are what they were. Packing keeps the numbers of the views in its record, and what is packed from an archive is the same again. Where nobody divided a set, all of it is judged, in files and packed.

# %%
with tarfile.open(folder / "foreign.tar", "w") as tar:
    tar.add(foreign, "3DIEBench-OOD")
packed = {
    name: pack(source, folder / f"{name}_packed", 32, progress=False)
    for name, source in dict(ood=ood, foreign=foreign, archive=folder / "foreign.tar").items()
}
test_eq([verify(path, progress=False) for path in packed.values()], [[], [], []])
files = open_test_views(ObjectOptions(data_dir=str(foreign)))
for path in (ood, *packed.values()):
    judged = open_test_views(ObjectOptions(data_dir=str(path)))
    test_eq((set(judged.split), judged.object_names), ({"val"}, files.object_names))
    test_eq(judged.latents, files.latents)
    test_eq(judged.images[:], files.images[:])
told = json.loads((packed["foreign"] / "meta.json").read_text())["source"]
test_eq((told["first"], told["views"]), (7, 4))

# %% [markdown]
# A model is judged on such a set by probes that were fitted elsewhere: `contextssl eval load_model=RUN data_dir=DATA test_dir=OOD`. Here an [oracle](../evaluation/03_oracle.ipynb) is asked, whose features are the factors themselves: it reads the poses outside without an error, it finds where each action leads, and every object of the folder counts.

# %%
plain = open_views(render_dataset(folder / "plain", views=12, **{**tiny, "objects": 40}))
brief = EvalConfig(
    lengths=(6,),
    train_pairs=4000,
    val_pairs=2000,
    probes=("ridge",),
    bootstrap=0,
    test_objects="all",
    judge_both=False,
)


class Reader(Oracle):
    "An oracle for views that are factors already."

    def encode(self, states):
        return states


def as_factors(views):
    return EncodedViews.of(views, views.factors)


both = as_factors(plain), as_factors(files)
rows = evaluate(Reader(), both[0], brief, ("absolute", "retrieval"), test_views=both[1])
asked = "rotation", "geodesic_deg", "rot"
pose = next(r for r in rows if (r["task"], r["metric"], r["context"]) == asked)
mrr = [r for r in rows if r["metric"] == "mrr"]
print(f"{pose['split']}: pose error {pose['value']:.2f} degrees; {mrr[0]['n']} queries, MRR", end=" ")
print(*(f"{r['value']:.3f} ({r['context']})" for r in mrr))
assert pose["value"] < 0.1 and [(r["n"], r["value"]) for r in mrr] == [(9 * 4, 1)] * 2
assert {r["split"] for r in rows} == {"ood"}

# %% [markdown]
# ## 3DIEBench-T
#
# The layout is that of 3DIEBench, with split files, and ten latents a view: the seven, then the place of the object, each coordinate within $\pm\frac12$. `contextssl render OUT translate=0.5` writes it, packed or as files, and its first seven latents are those of the same command without `translate`. The light looks where it always did, at the middle of the scene, and not at the object.

# %%
#| fig-alt: "A chair in the same six poses twice: in the middle of the image, and then each time elsewhere and larger or smaller, sometimes cut by the border of the image, while the pool of light stays where it was."
at_rest = sample_latents(6, np.random.default_rng(8))
moved = sample_latents(6, np.random.default_rng(8), translate=0.5)
assert np.array_equal(moved[:, :7], at_rest)
shown([draw(chair, latents) for latents in (at_rest, moved)], ["at rest", "moved"])

# %% [markdown]
# *Six views of a chair, at rest as in 3DIEBench, and with the same seven latents and a translation as in 3DIEBench-T.*

# %%
t_files = render_dataset(folder / "t", views=12, translate=0.5, format="files", **tiny)
test_eq(np.load(t_files / "mug/0001/latent_3.npy").shape, (10,))
test_eq(verify(t_files, progress=False), [])
t_packed = pack(t_files, folder / "t_packed", 32, progress=False)
test_eq(verify(t_packed, progress=False), [])
as_files, as_packed = open_views(t_files), open_views(t_packed)
test_eq(as_files.latents, as_packed.latents)
test_eq(as_files.images[:], as_packed.images[:])
test_eq(list(as_files.split), list(as_packed.split))
for path in t_files.glob("*/*/latent_*.npy"):
    path.rename(path.with_suffix(".away"))
for s in ("train", "val"):  # as the published sets have them too
    table = as_files.subset(s).latents.reshape(-1, 10)
    np.save(t_files / f"all_latents_{s}.npy", table)
test_eq(open_views(t_files).latents, as_files.latents)
test_eq(as_packed.conventions.names[7:], ("translation x", "translation y", "translation z"))

# %% [markdown]
# The action has a third factor of kind `line`, [in one of two frames](../render/26_factors.ipynb): $R_1^\top (t_2 - t_1)$ in that of the object (`frame=object`, the default), $t_2 - t_1$ in that of the scene (`frame=base`). `frame=none` leaves it out, and translation becomes a nuisance. The published tables ask for both. They are not equally hard, and that is no property of a method: a linear reader of features that *are* the factors finds the difference of two places exactly, and misses what depends on the pose as well.

# %%
wide = render_dataset(folder / "wide", views=12, translate=0.5, **{**tiny, "objects": 40})
found = {}
for frame, name in (("base", "trans_base"), ("object", "trans")):
    views = open_views(wide, frame=frame)
    cfg = replace(brief, contexts=views.action_space.names, eval_normalize=False)
    rows = evaluate(Oracle(MOVED[frame]), views, cfg, ("equivariance",), views.factors)
    tasks = sorted({r["task"] for r in rows if r["task"].startswith("relative")})
    test_eq(tasks, sorted(f"relative_{f}" for f in ("rotation", "color", name)))
    found[frame] = next(
        r["value"]
        for r in rows
        if (r["task"], r["metric"], r["probe"]) == (f"relative_{name}", "r2_per_dim", "ridge")
        and r["context"] == name
    )
    print(f"{frame:6s} frame: {', '.join(tasks)}; R² of the translation {found[frame]:.3f}")
assert found["base"] > 0.999 > 0.9 > found["object"] > 0.1

# %% [markdown]
# **Training** needs nothing else. The options of a method that follow from the factors are filled in, for the commands as for Python: `contextssl train data_dir=T`, `contextssl eval load_model=RUN data_dir=T`. Here two updates of ContextSSL, and what an evaluation then asks: rotation, colour and translation, under a context of each.

# %%
where = DataOptions(data_dir=str(wide), frame="base")
test_eq(open_ahead(DataOptions(data_dir=str(folder / "plain"))), None)  # nothing to look at
data = open_ahead(where)
small = recipe("contextssl", "smoke")
usual_options = dict(factors={}, circular=(), env_ratio=()) | small.model
follows = follows_from(data, usual_options, small=True)
print(follows)
model = build_method("contextssl", **small.model | follows)
test_eq(model.action_space, MOVED["base"])
options = TrainConfig(**{**small.train, "max_steps": 2, "device": "cpu"})
train(model, data.source, options, folder / "run", progress=False)
cfg = replace(
    brief,
    contexts=data.space.names,
    lengths=(0, 6),
    train_pairs=500,
    val_pairs=200,
    test_objects="val",
)
rows = evaluate(model, data.views, cfg, ("equivariance", "absolute", "retrieval"))
table = pd.DataFrame(rows).query("context_tokens == 6 and representation != 'zr'")
test_eq(set(table.context), {"rot", "color", "trans_base"})
wanted = {f"{about}{f}" for about in ("", "relative_") for f in ("rotation", "color", "trans_base")}
test_eq(wanted - set(table.task), set())

# %% [markdown]
# ## What the shipped weights make of both
#
# The weights of `contextssl-mini` were trained on usual poses of objects at rest. Probes are fitted on such views (24 classes of 16 objects, 20 views each; render seed 0) and judged on 96 objects that training never saw (render seed 1, 20 views each), three times: in usual poses, in poses outside, and moved. Shapes, hues and lights are the same three times. Angles in degrees do not depend on the sign of a quaternion, so they decide here, and not $R^2$; retrieval needs no probe at all.

# %%
#| slow
relatives = {"inside": {}, "outside": dict(angles="outside"), "moved": dict(translate=0.5)}
home = in_repository("data/relatives")
how = dict(views=20, size=64, progress=False)
readers = open_views(render_dataset(home / "readers", objects=16, seed=0, **how))
sets = {
    name: open_views(render_dataset(home / name, objects=4, seed=1, **how, **o), frame="none")
    for name, o in relatives.items()
}
weights = load("contextssl-mini")
features = encode_views(weights, readers, precision="auto")
cfg = EvalConfig(
    lengths=(126,),
    train_pairs=4000,
    val_pairs=2000,
    probes=("ridge", "adam_mlp"),
    class_probes=("adam_linear",),
    class_steps=400,
    test_objects="all",
    judge_both=False,
    bootstrap=200,
    precision="auto",
    dataset="relatives",
)
found = []
for name, views in sets.items():
    asked = "equivariance", "retrieval", "classification"
    rows = evaluate(weights, readers, replace(cfg, test_name=name), asked, features, views)
    found += [{k: v for k, v in r.items() if v not in ("", None)} for r in rows]
told = dict(
    command="python .ci/execute.py nbs/studies/06_ood_and_translation.ipynb --flags slow",
    weights="contextssl-mini, 1 seed",
    draws=1,
    objects=96,
    rows=[r for r in found if r["metric"] in ("geodesic_deg", "r2_per_dim", "mrr", "top1")],
)
text = json.dumps(told | dict(rows=[]), indent=1).removesuffix("[]\n}")
lines = ",\n".join(map(json.dumps, told["rows"]))
write_atomic(in_repository("nbs/results/relatives.json"), f"{text}[\n{lines}\n]}}\n")

# %%
told = json.loads(in_repository("nbs/results/relatives.json").read_text())
found = pd.DataFrame(told["rows"]).fillna({"context": "none", "probe": ""})
SETS = ["inside", "outside", "moved"]


def line(metric, context, tokens, probe="", **more):
    "One measure on the three sets, and its floor on each."
    wanted = dict(metric=metric, context=context, context_tokens=tokens, probe=probe, **more)
    chosen = found[np.logical_and.reduce([found[k] == v for k, v in wanted.items()])]
    row = chosen.set_index("split").loc[SETS]
    assert len(row) == len(SETS)
    return [*row["value"], *row["floor"]]


kinds = {
    "relative rotation, degrees, exact probe, rotation context": ("rot", "ridge", 126),
    "relative rotation, degrees, MLP, rotation context": ("rot", "adam_mlp", 126),
}
table = {
    name: line("geodesic_deg", c, n, probe, task="relative_rotation", representation="z+")
    for name, (c, probe, n) in kinds.items()
}
table["relative colour, R², exact probe, colour context"] = line(
    "r2_per_dim", "color", 126, "ridge", task="relative_color", representation="z+"
)
for c, name in dict(rot="rotation", color="colour").items():
    table[f"MRR of 20, {name} context"] = line("mrr", c, 126)
table["class, top-1 of the feature"] = line(
    "top1", "none", 0, "adam_linear", representation="feature"
)
heads = [*SETS, *(f"floor {name}" for name in SETS)]
pd.DataFrame(table, heads).T.round(3)
