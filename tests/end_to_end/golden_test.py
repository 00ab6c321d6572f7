"""Models written by Transformers follow PyTorch's losses and gradient norms, on one device and on several.

Usage: golden_test.py FIXTURE_FOLDER
"""

import json
import os
import sys

from driver import Checks, cleave, metrics, relative, scratch

MESHES = ["model=1", "data=2,model=2"]
TOLERANCE = 1e-5  # relative


def optimizer_flags(golden):
    flags = ["--optimizer", golden.get("optimizer", "adamw"), "--lr", golden["lr"], "--weight-decay",
             golden["weight_decay"],
             "--clip-norm", golden["clip_norm"]]
    for name in ("beta1", "beta2", "eps", "momentum"):
        if name in golden:
            flags += ["--" + name, golden[name]]
    return flags


def train(folder, golden, mesh, data, extra=()):
    work = scratch()
    plan, figures = os.path.join(work, "plan"), os.path.join(work, "metrics.jsonl")
    sizes = ["--batch", golden["batch"], "--seq", golden["seq"]]
    if json.load(open(os.path.join(folder, "config.json")))["model_type"] == "t5":
        sizes += ["--target-seq", label_width(folder)]
    cleave("compile", folder, "-o", plan, "--mesh", mesh, *sizes, *optimizer_flags(golden), *extra)
    cleave("train", plan, "--data", data, "--steps", len(golden["loss"]), "--order", "sequential", "--threads", 1,
           "--init",
           os.path.join(folder, weights_of(folder)), "--metrics", figures)
    return metrics(figures)


def label_width(folder):
    """The second dimension of the labels, from the header of the data file."""
    with open(os.path.join(folder, "data.safetensors"), "rb") as data:
        header = json.loads(data.read(int.from_bytes(data.read(8), "little")))
    return header["labels"]["shape"][1]


def weights_of(folder):
    index = "model.safetensors.index.json"
    return index if os.path.exists(os.path.join(folder, index)) else "model.safetensors"


def main():
    folder = sys.argv[1]
    golden = json.load(open(os.path.join(folder, "golden.json")))
    checks = Checks()
    runs = [(mesh, "data.safetensors", ()) for mesh in MESHES]
    runs.append(("model=2", "data.safetensors", ("--microbatches", 2)))
    if os.path.exists(os.path.join(folder, "tokens.bin")):
        runs.append(("model=2", "tokens.bin", ()))
    for mesh, data, extra in runs:
        steps = train(folder, golden, mesh, os.path.join(folder, data), extra)
        for figure in ("loss", "grad_norm"):
            errors = [relative(step[figure], expected) for step, expected in zip(steps, golden[figure])]
            holds = len(steps) == len(golden[figure]) and max(errors) <= TOLERANCE
            where = " ".join([mesh, data, *map(str, extra)])
            what = f"{os.path.basename(folder)} {where}: {figure} within {TOLERANCE}"
            checks.check(holds, f"{what}, off by at most {max(errors):.1e}")
    checks.finish()


main()
