#!/usr/bin/env python3
"""Writes the files of this folder: a small vision transformer, images, and what Transformers on PyTorch makes of them.

    python3 -m venv venv
    venv/bin/pip install torch==2.15.0 transformers==5.24.0 safetensors numpy
    venv/bin/python tests/python_bindings/vision/make_vision.py            # write
    venv/bin/python tests/python_bindings/vision/make_vision.py FOLDER     # logits of another folder's model, compared

model.safetensors holds the weights, and golden.safetensors, of float64 runs: `pixel_values` and `labels` of all
steps, `logits` of the first batch, `adamw.loss` and `sgd.loss` of each step, and `trained.NAME`, weights after the
steps of SGD.
"""

import pathlib
import sys

import numpy as np
import torch
import transformers as hf
from safetensors.torch import load_file, save_file

HERE = pathlib.Path(__file__).resolve().parent
STEPS, BATCH, CLASSES = 10, 4, 5
OPTIMIZERS = {
    "adamw": lambda parameters: torch.optim.AdamW(parameters, lr=1e-3, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.0),
    "sgd": lambda parameters: torch.optim.SGD(parameters, lr=0.05, momentum=0.9),
}


def write_model():
    torch.manual_seed(91)
    config = hf.ViTConfig(hidden_size=30, num_hidden_layers=2, num_attention_heads=3, intermediate_size=44,
                          hidden_act="gelu_new", image_size=12, patch_size=4, num_channels=2, num_labels=CLASSES,
                          initializer_range=0.1, layer_norm_eps=1e-6)
    model = hf.ViTForImageClassification(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    model.save_pretrained(HERE)


def read_model(folder):
    model, told = hf.ViTForImageClassification.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    if told["missing_keys"] or told["unexpected_keys"] or told["mismatched_keys"]:
        raise SystemExit(f"{folder}: Transformers requires other tensors: {told}")
    return model.double().train()


def draw():
    """Images with a brighter quarter, or none, by label."""
    rng = np.random.default_rng(92)
    labels = rng.integers(0, CLASSES, STEPS * BATCH)
    pixels = rng.normal(0, 1, (len(labels), 2, 12, 12))
    for image, label in zip(pixels, labels):
        if label < 4:
            row, column = 6 * (label // 2), 6 * (label % 2)
            image[:, row : row + 6, column : column + 6] += 1
    return {"pixel_values": torch.tensor(pixels, dtype=torch.float32),
            "labels": torch.tensor(labels, dtype=torch.int32)}


def train(optimizer, data):
    model = read_model(HERE)
    step, losses = OPTIMIZERS[optimizer](model.parameters()), []
    for first in range(0, STEPS * BATCH, BATCH):
        rows = slice(first, first + BATCH)
        logits = model(data["pixel_values"][rows].double()).logits
        loss = torch.nn.functional.cross_entropy(logits, data["labels"][rows].long())
        step.zero_grad()
        loss.backward()
        step.step()
        losses.append(loss.item())
    return model, torch.tensor(losses, dtype=torch.float64)


def logits_of(folder, data):
    with torch.no_grad():
        return read_model(folder).eval()(data["pixel_values"][:BATCH].double()).logits


def main():
    if len(sys.argv) > 1:
        golden = load_file(HERE / "golden.safetensors")
        seen, expected = logits_of(sys.argv[1], golden).float(), golden["logits"]
        print(f"logits differ by {float((seen - expected).norm() / expected.norm()):.1e}")
        return
    write_model()
    data = draw()
    golden = {**data, "logits": logits_of(HERE, data).float()}
    for optimizer in OPTIMIZERS:
        model, golden[f"{optimizer}.loss"] = train(optimizer, data)
    model.float().save_pretrained(HERE / "trained")
    trained = load_file(HERE / "trained" / "model.safetensors")
    golden.update({f"trained.{name}": tensor for name, tensor in trained.items()})
    for path in (HERE / "trained").iterdir():
        path.unlink()
    (HERE / "trained").rmdir()
    save_file(golden, HERE / "golden.safetensors")


if __name__ == "__main__":
    main()
