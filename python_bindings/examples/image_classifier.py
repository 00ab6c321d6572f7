"""A classifier of handwritten digits, 8x8 pixels, by attention over patches, by three functions."""

import gzip
import os

import numpy as np

import cleave
from cleave import nn

DIGITS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "digits.csv.gz")


class Classifier(nn.Module):
    """Sixteen patches of 2x2 pixels, which attend to each other."""

    def __init__(self, width=64):
        self.patch, self.places = nn.Linear(4, width), nn.Parameter(16, width)
        self.norm_1, self.attention = nn.LayerNorm(width), nn.Attention(width, 4)
        self.norm_2, self.mlp = nn.LayerNorm(width), nn.MLP(width)
        self.norm, self.head = nn.LayerNorm(16 * width), nn.Linear(16 * width, 10)

    def forward(self, images):
        rows = images.shape[0]
        patches = images.reshape(rows, 4, 2, 4, 2).transpose(0, 1, 3, 2, 4).reshape(rows, 16, 4)
        x = self.patch(patches) + self.places
        x = x + self.attention(self.norm_1(x))
        x = x + self.mlp(self.norm_2(x))
        return self.head(self.norm(x.reshape(rows, -1)))


def collate(rows):
    rows = np.stack(rows)
    images = (rows[:, :64] / 8 - 1).astype(np.float32).reshape(-1, 8, 8)
    return {"images": images, "labels": rows[:, 64].astype(np.int32)}


def main(steps=400):
    with gzip.open(DIGITS, "rt") as file:
        rows = np.random.default_rng(0).permutation(np.loadtxt(file, delimiter=","))
    pipeline = cleave.Pipeline(
        Classifier(), rows[:1437], collate=collate,
        loss=lambda model, images, labels: nn.cross_entropy(model(images), labels),
        predict=lambda model, images: model(images),
        mesh=cleave.Mesh(data=2, model=2), batch=32, optimizer=cleave.AdamW(cleave.Cosine(2e-3, steps, warmup=20)))
    pipeline.fit(steps, progress=False)
    guesses = pipeline.predict(rows[1437:]).argmax(axis=-1)
    return {"accuracy": float((guesses == rows[1437:, 64]).mean())}


if __name__ == "__main__":
    print(main())
