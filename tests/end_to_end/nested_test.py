"""A gradient penalty on a small transformer: second derivatives follow PyTorch's on every mesh, and fall by descent.

Usage: nested_test.py FIXTURE_FOLDER
"""

import json
import os
import sys

from driver import Checks, cleave, metrics, relative, scratch

RUNS = [("model=1",), ("data=2",), ("model=2",), ("data=2,model=2",), ("model=3",), ("model=2", "--microbatches", 2),
        ("data=2,model=2", "--overlap", "split"), ("data=2", "--zero", 3)]
TOLERANCE = 1e-5  # relative


def train(folder, golden, mesh, *flags):
    work = scratch()
    plan, figures = os.path.join(work, "plan"), os.path.join(work, "metrics.jsonl")
    cleave("compile", os.path.join(folder, "model.mlir"), "-o", plan, "--mesh", mesh, "--optimizer", "sgd", "--lr", golden["lr"], *flags)
    cleave("train", plan, "--data", os.path.join(folder, "data.safetensors"), "--steps", len(golden["loss"]), "--order", "sequential",
           "--threads", 1, "--init", os.path.join(folder, "model.safetensors"), "--metrics", figures)
    return metrics(figures)


def main():
    folder = sys.argv[1]
    golden = json.load(open(os.path.join(folder, "golden.json")))
    checks = Checks()
    checks.check(golden["loss"][-1] < 0.8 * golden["loss"][0], "the penalized loss falls")
    for run in RUNS:
        steps, where = train(folder, golden, *run), " ".join(map(str, run))
        for figure in ("loss", "grad_norm"):
            errors = [relative(step[figure], expected) for step, expected in zip(steps, golden[figure])]
            holds = len(steps) == len(golden[figure]) and max(errors) <= TOLERANCE
            checks.check(holds, f"{where}: {figure} within {TOLERANCE} of PyTorch's, off by at most {max(errors):.1e}")
    checks.finish()


main()
