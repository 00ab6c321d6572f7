"""Models whose loss holds a gradient train the same on every mesh.

A gradient penalty on a small transformer follows PyTorch's second derivatives; a step of meta-learning through all that
attention can have follows itself on one device.

Usage: nested_test.py FOLDER
"""

import json
import os
import random
import struct
import sys

from driver import Checks, cleave, metrics, relative, scratch

PENALTY_RUNS = [("model=1",), ("data=2",), ("model=2",), ("data=2,model=2",), ("model=3",), ("model=2", "--microbatches", 2),
                ("data=2,model=2", "--overlap", "split"), ("data=2", "--zero", 3)]
META_MESHES = ["data=2", "model=2", "data=2,model=2", "model=3", "data=4"]
TOLERANCE = 1e-5  # relative
BATCH, SEQ, STEPS, VOCABULARY = 6, 8, 8, 29  # of the model of meta-learning


def train(model, data, steps, *flags, compiled=()):
    work = scratch()
    plan, figures = os.path.join(work, "plan"), os.path.join(work, "metrics.jsonl")
    cleave("compile", model, "-o", plan, "--optimizer", "sgd", *compiled)
    cleave("train", plan, "--data", data, "--steps", steps, "--order", "sequential", "--threads", 1, "--metrics", figures, *flags)
    return metrics(figures)


def compare(checks, where, steps, expected):
    """Both hold figures of each step by name."""
    for figure, values in expected.items():
        errors = [relative(step[figure], value) for step, value in zip(steps, values)]
        holds = len(steps) == len(values) and max(errors) <= TOLERANCE
        checks.check(holds, f"{where}: {figure} within {TOLERANCE}, off by at most {max(errors):.1e}")


def check_penalty(checks, folder):
    golden = json.load(open(os.path.join(folder, "golden.json")))
    checks.check(golden["loss"][-1] < 0.8 * golden["loss"][0], "the penalized loss falls")
    for mesh, *flags in PENALTY_RUNS:
        steps = train(os.path.join(folder, "gradient_penalty.mlir"), os.path.join(folder, "data.safetensors"), len(golden["loss"]), "--init",
                      os.path.join(folder, "weights.safetensors"), compiled=("--mesh", mesh, "--lr", golden["lr"], *flags))
        where = " ".join(map(str, ["gradient penalty", mesh, *flags]))
        compare(checks, where, steps, {figure: golden[figure] for figure in ("loss", "grad_norm")})


def write_safetensors(path, tensors):
    header, data = {}, b""
    for name, rows in tensors.items():
        values = [value for row in rows for value in row]
        header[name] = {"dtype": "I32", "shape": [len(rows), len(rows[0])], "data_offsets": [len(data), len(data) + 4 * len(values)]}
        data += struct.pack(f"<{len(values)}i", *values)
    text = json.dumps(header).encode()
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text + data)


def write_data(path):
    """Two documents in each row, some padding, some labels that don't count."""
    draw = random.Random(0)
    tensors = {"input_ids": [], "attention_mask": [], "token_type_ids": [], "labels": []}
    for _ in range(BATCH * STEPS):
        tokens = [draw.randrange(VOCABULARY)]
        for _ in range(SEQ):
            tokens.append((tokens[-1] * 3 + draw.randrange(2)) % VOCABULARY)
        padding, border = draw.randrange(3), draw.randrange(3, SEQ)
        tensors["input_ids"].append(tokens[:-1])
        tensors["attention_mask"].append([int(at >= padding) for at in range(SEQ)])
        tensors["token_type_ids"].append([int(at >= border) for at in range(SEQ)])
        tensors["labels"].append([token if at >= padding else -100 for at, token in enumerate(tokens[1:])])
    write_safetensors(path, tensors)


def check_meta_learning(checks, model):
    data = os.path.join(scratch(), "data.safetensors")
    write_data(data)
    run = lambda mesh: train(model, data, STEPS, "--eval-data", data, "--eval-every", 1, compiled=("--mesh", mesh, "--lr", 0.3))
    truth = run("model=1")
    checks.check(truth[-1]["eval_loss"] < 0.9 * truth[0]["eval_loss"], "the loss behind a step of descent falls")
    expected = {figure: [step[figure] for step in truth] for figure in ("loss", "grad_norm", "eval_loss")}
    for mesh in META_MESHES:
        compare(checks, "meta-learning " + mesh, run(mesh), expected)


def main():
    checks = Checks()
    check_penalty(checks, sys.argv[1])
    check_meta_learning(checks, os.path.join(sys.argv[1], "meta_learning.mlir"))
    checks.finish()


main()
