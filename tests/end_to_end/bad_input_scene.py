"""The good files that cases of bad input spoil, and the commands that read them."""

import json
import os

from driver import cleave, scratch

FIXTURE = "tests/end_to_end/fixtures/kit_gpt2"
T5 = "tests/end_to_end/fixtures/t5_plain"
DATA = FIXTURE + "/data.safetensors"
WEIGHTS = FIXTURE + "/model.safetensors"
MESH = ["--mesh", "data=2,model=2"]
SIZES = ["--batch", 4, "--seq", 16]
CLUSTER = """name: "x"
device { peaks { dtype: "f32" flops: 1e9 } memory_bytes: 1 memory_bandwidth: 5e9 launch_overhead: 0 }
"""
FC = "transformer.h.0.mlp.c_fc.weight"
MLIR = """func.func @loss(%w: tensor<11x11xf32> {cleave.parameter = "w", cleave.init = #cleave.init<"normal", mean = 0.0, deviation = 0.3, zero_row = -1>},
  %ids: tensor<4x6xi32> {cleave.input = "input_ids"}, %labels: tensor<4x6xi32> {cleave.input = "labels"})
    -> (tensor<f32> {cleave.output = "loss_sum"}, tensor<f32> {cleave.output = "tokens"}) attributes {cleave.entry = "loss"} {
  %x = cleave.embedding %w, %ids : (tensor<11x11xf32>, tensor<4x6xi32>) -> tensor<4x6x11xf32>
  %sum, %count, %lse = cleave.cross_entropy %x, %labels : (tensor<4x6x11xf32>, tensor<4x6xi32>) -> (tensor<f32>, tensor<f32>, tensor<4x6xf32>)
  return %sum, %count : tensor<f32>, tensor<f32>
}
"""


class Scene:
    """The good files that the cases spoil, and a folder to put the bad ones into."""

    def __init__(self):
        self.work, self.count = scratch(), 0
        self.out = self.path("out")  # where outputs of failing commands must not appear
        os.mkdir(self.out)
        self.plan = self.path("good.plan")
        cleave("compile", FIXTURE, "-o", self.plan, *MESH, *SIZES)
        config = {"model_type": "gpt2", "vocab_size": 256, "n_positions": 8, "n_embd": 8, "n_layer": 1, "n_head": 1}
        self.letters, self.letter_weights = self.path("letters.plan"), self.path("letters.safetensors")
        cleave("compile", self.file("letters.json", config), "-o", self.letters, "--mesh", "model=1", "--batch", 1,
               "--seq", 8)
        text = self.file("letters.bin", bytes(200))
        cleave("train", self.letters, "--data", text, "--steps", 0, "--save", self.letter_weights)
        self.checkpoints = self.path("checkpoints")
        cleave("train", self.plan, "--data", DATA, "--steps", 1, "--threads", 1, "--checkpoint", self.checkpoints)

    def path(self, name):
        return os.path.join(self.work, name)

    def file(self, name, content):
        """A file of its own for each call; what is neither text nor bytes is written as JSON."""
        self.count += 1
        path = self.path(f"{self.count}-{name}")
        if not isinstance(content, (str, bytes)):
            content = json.dumps(content)
        with open(path, "wb") as out:
            out.write(content.encode() if isinstance(content, str) else content)
        return path

    # The commands, with all that they need but for what a case gives.

    def compile(self, *flags, model=FIXTURE, mesh="data=2,model=2", sizes=SIZES):
        return ["compile", model, "-o", self.out + "/plan", "--mesh", mesh, *sizes, *flags]

    def config(self, base=FIXTURE, **fields):
        with open(base + "/config.json") as text:
            return self.compile(model=self.file("config.json", dict(json.load(text), **fields)))

    def mlir(self, old="", new="", text=MLIR):
        return self.compile(model=self.file("model.mlir", text.replace(old, new) if old else text), sizes=[])

    def train(self, *flags, plan=None, data=DATA, steps=1):
        return ["train", plan or self.plan, "--data", data, "--steps", steps, *flags]

    def sample(self, *flags, plan=None, weights=None):
        return ["sample", plan or self.letters, "--weights", weights or self.letter_weights, *flags]

    def tokenize(self, *flags, text="to be or not to be"):
        return ["tokenize", self.file("text.txt", text), "-o", self.out + "/tokens", *flags]
