"""Vowels put back into words of the King James Bible (Debian's bible-kjv): encoder, decoder, three functions."""

import re
import subprocess

import numpy as np

import cleave
from cleave import nn

SEQ, WIDTH = 12, 64


class Attention(nn.Module):
    def __init__(self):
        self.norm = nn.LayerNorm(WIDTH)
        self.q, self.k, self.v, self.out = (nn.Linear(WIDTH, WIDTH) for _ in range(4))

    def forward(self, x, context=None, causal=False):
        y = self.norm(x)
        seen = y if context is None else context
        return x + self.out(nn.attend(self.q(y), self.k(seen), self.v(seen), 4, causal=causal))


class Model(nn.Module):
    def __init__(self):
        self.table, self.places = nn.Embedding(27, WIDTH, init=nn.Init.normal(0.1)), nn.Parameter(SEQ, WIDTH)
        self.read, self.read_mlp = Attention(), nn.MLP(WIDTH)
        self.write, self.look, self.write_mlp = Attention(), Attention(), nn.MLP(WIDTH)
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 27)

    def forward(self, source, before):
        encoded = self.read_mlp(self.read(self.table(source) + self.places))
        x = self.look(self.write(self.table(before) + self.places, causal=True), encoded)
        return self.head(self.norm(x + self.write_mlp(x)))


def collate(words):
    """0 is no letter: behind a word's end, and before its first letter."""
    texts = {"source": [re.sub("[aeiou]", "", w) for w in words], "before": ["`" + w for w in words], "labels": words}
    return {name: np.array([[ord(c) - 96 for c in word.ljust(SEQ, "`")] for word in each], np.int32)
            for name, each in texts.items()}


def main(steps=600):
    text = subprocess.run(["bible", "-f", "gen1:1-rev22:21"], check=True, capture_output=True, text=True).stdout
    words = [word for word in re.findall("[a-z]+", text.lower()) if 4 <= len(word) < SEQ]
    pipeline = cleave.Pipeline(
        Model(), words[:200000], collate=collate,
        loss=lambda model, source, before, labels: nn.cross_entropy(model(source, before), labels),
        predict=lambda model, source, before: model(source, before),
        mesh=cleave.Mesh(data=2, model=2), batch=64, optimizer=cleave.AdamW(cleave.Cosine(3e-3, steps, warmup=20)))
    pipeline.fit(steps, progress=False)
    labels = collate(words[-500:])["labels"]
    return {"letters right": float((pipeline.predict(words[-500:]).argmax(axis=-1) == labels)[labels > 0].mean())}


if __name__ == "__main__":
    print(main())
