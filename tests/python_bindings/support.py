"""What tests of the bindings share: fixtures of the end-to-end tests, and arrays of safetensors."""

import json
import os
import tempfile

import numpy as np

import cleave

DTYPES = {"F64": np.float64, "F32": np.float32, "F16": np.float16,
          "I32": np.int32, "I64": np.int64, "BOOL": np.bool_, "U8": np.uint8}


def tensors_of(path):
    """{name: array} of a safetensors file; tensors of bf16 become float32."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        body = file.read()
    arrays = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        raw = body[slice(*entry["data_offsets"])]
        if entry["dtype"] == "BF16":
            array = (np.frombuffer(raw, np.uint16).astype(np.uint32) << 16).view(np.float32)
        else:
            array = np.frombuffer(raw, DTYPES[entry["dtype"]])
        arrays[name] = array.reshape(entry["shape"])
    return arrays


def scratch():
    """A folder that goes with the test."""
    return tempfile.mkdtemp(dir=os.environ.get("TEST_TMPDIR"))


class Fixture:
    """A small model of tests/end_to_end/fixtures: a Hugging Face folder, batches, and what PyTorch gets of them."""

    def __init__(self, folder):
        self.folder = folder
        with open(os.path.join(folder, "golden.json")) as file:
            self.golden = json.load(file)
        self.tensors = tensors_of(os.path.join(folder, "golden.safetensors"))
        self.columns = tensors_of(os.path.join(folder, "data.safetensors"))
        self.batch, self.seq = self.golden["batch"], self.golden["seq"]
        labels = self.columns["labels"].shape[1]
        self.target_seq = labels if cleave.load(folder).model_type == "t5" else 0

    def sizes(self):
        return {"batch": self.batch, "seq": self.seq, "target_seq": self.target_seq}

    def optimizer(self):
        golden = self.golden
        if golden.get("optimizer", "adamw") == "sgd":
            return cleave.SGD(golden["lr"], golden.get("momentum", 0.0), golden["weight_decay"])
        betas = golden.get("beta1", 0.9), golden.get("beta2", 0.999)
        return cleave.AdamW(golden["lr"], betas, golden.get("eps", 1e-8), golden["weight_decay"])

    def batches(self):
        """Dictionaries of arrays in the file's order, again and again."""
        rows, at = len(self.columns["labels"]), 0
        while True:
            taken = [(at + i) % rows for i in range(self.batch)]
            yield {name: column[taken] for name, column in self.columns.items()}
            at += self.batch


def relative(seen, expected):
    """Difference relative to the expected figure; absolute where that is 0."""
    return abs(seen - expected) / (abs(expected) or 1)


def distance(seen, expected):
    """Norm of the difference against the norm of what is expected."""
    if seen.shape != expected.shape:
        raise AssertionError(f"shape {seen.shape} for {expected.shape}")
    seen, expected = seen.astype(np.float64), expected.astype(np.float64)
    return np.linalg.norm(seen - expected) / (np.linalg.norm(expected) or 1)


class Bytes(cleave.nn.Module):
    """Predicts each byte from the one before it."""

    def __init__(self, width=16, rows=64):
        self.table = cleave.nn.Embedding(rows, width, init=cleave.nn.Init.normal(0.02))
        self.mlp = cleave.nn.MLP(width)
        self.head = cleave.nn.Linear(width, rows, bias=False)

    def logits(self, input_ids):
        return self.head(self.mlp(self.table(input_ids)))

    def loss(self, input_ids, labels):
        return cleave.nn.cross_entropy(self.logits(input_ids), labels)


def batches_of_bytes(batch=4, seq=8, rows=64):
    """The same batches each time: the label of b is (3 b + 1) modulo rows."""
    random = np.random.default_rng(0)
    while True:
        ids = random.integers(0, rows, (batch, seq), dtype=np.int32)
        yield {"input_ids": ids, "labels": (3 * ids + 1) % rows}


class Numbered:
    """Batches whose tokens all are the batch's number, modulo 64, from `first`; knows where it is."""

    def __init__(self, first=0):
        self.at, self.made, self._first = 0, 0, first

    def __iter__(self):
        while True:
            self.at, self.made = self.at + 1, self.made + 1
            ids = np.full((4, 8), (self._first + self.at - 1) % 64, np.int32)
            yield {"input_ids": ids, "labels": (3 * ids + 1) % 64}

    def state_dict(self):
        return {"at": self.at}

    def load_state_dict(self, state):
        self.at = state["at"]
