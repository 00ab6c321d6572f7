"""A causal language model of bytes, on the King James Bible (Debian's bible-kjv), by three functions."""

import subprocess

import numpy as np

import cleave
from cleave import nn

SEQ = 64


class Block(nn.Module):
    def __init__(self, width):
        self.norm_1, self.attention = nn.LayerNorm(width), nn.Attention(width, 4, causal=True)
        self.norm_2, self.mlp = nn.LayerNorm(width), nn.MLP(width)

    def forward(self, x):
        x = x + self.attention(self.norm_1(x))
        return x + self.mlp(self.norm_2(x))


class Bytes(nn.Module):
    def __init__(self, width=64):
        self.table = nn.Embedding(128, width, init=nn.Init.normal(0.02))
        self.places = nn.Parameter(SEQ, width, init=nn.Init.normal(0.02))
        self.blocks = nn.ModuleList([Block(width) for _ in range(2)], layer="block")
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 128)

    def forward(self, ids):
        x = self.table(ids) + self.places
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def collate(rows):
    rows = np.stack(rows).astype(np.int32)
    return {"ids": rows[:, :-1], "labels": rows[:, 1:]}


def main(steps=300):
    text = subprocess.run(["bible", "-f", "gen1:1-gen50:26"], check=True, capture_output=True).stdout
    text = np.frombuffer(text, np.uint8)
    rows = text[: len(text) // (SEQ + 1) * (SEQ + 1)].reshape(-1, SEQ + 1)
    split = len(rows) * 9 // 10
    pipeline = cleave.Pipeline(
        Bytes(), rows[:split], collate=collate,
        loss=lambda model, ids, labels: nn.cross_entropy(model(ids), labels),
        predict=lambda model, ids: nn.softmax(model(ids)),
        mesh=cleave.Mesh(data=2, model=2), batch=16, optimizer=cleave.AdamW(cleave.Cosine(3e-3, steps, warmup=20)))
    pipeline.fit(steps, progress=False)
    held_out = rows[split : split + 64]
    chosen = np.take_along_axis(pipeline.predict(held_out), held_out[:, 1:, None].astype(np.int64), axis=-1)
    return {"bits a byte": float(-np.log2(chosen).mean())}


if __name__ == "__main__":
    print(main())
