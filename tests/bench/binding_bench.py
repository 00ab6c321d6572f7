"""What a step from Python costs beyond the step itself, in microseconds: the way of a batch of NumPy arrays in, and of the
metrics out. The step is small, so that nothing hides it."""

import json
import statistics
import time

import numpy as np

import cleave
from cleave import nn

STEPS = 5000


class Small(nn.Module):

    def __init__(self):
        self.table, self.head = nn.Embedding(64, 16), nn.Linear(16, 64)

    def loss(self, input_ids, labels):
        return nn.cross_entropy(self.head(self.table(input_ids)), labels)


def overheads(trainer, batch):
    for _ in range(STEPS):
        start = time.perf_counter()
        metrics = trainer.step(batch)
        yield (time.perf_counter() - start) * 1e6 - metrics.step_ms * 1e3


def main():
    plan = cleave.compile(Small(), batch=4, seq=8)
    for dtype in (np.int32, np.int64):
        ids = np.zeros((4, 8), dtype)
        with cleave.Trainer(plan, threads=1) as trainer:
            measured = sorted(overheads(trainer, {"input_ids": ids, "labels": ids}))
        print(json.dumps({"name": f"binding/{np.dtype(dtype).name}", "median_us": statistics.median(measured),
                          "p99_us": measured[len(measured) * 99 // 100]}), flush=True)


if __name__ == "__main__":
    main()
