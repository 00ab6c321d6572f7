"""The driver compiles and trains a model with an optimizer and metrics of its own, on a mixture of files.

The optimizer, written as a function of the module, is SGD with momentum: it follows the one that is built in.
"""

import json
import os
import struct

from driver import Checks, cleave, metrics, relative, scratch

LOSS = """
func.func @loss(%ids: tensor<8x6xi32> {cleave.input = "input_ids"}, %labels: tensor<8x6xi32> {cleave.input = "labels"},
    %table: tensor<32x16xf32> {cleave.parameter = "table", cleave.init = #cleave.init<"normal", mean = 0.0,
                               deviation = 0.5, zero_row = -1>})
    -> (tensor<f32> {cleave.output = "loss_sum"}, tensor<f32> {cleave.output = "tokens"},
        tensor<f32> {cleave.output = "metrics.squares"}, tensor<f32> {cleave.output = "metrics.per_token"},
        tensor<f32> {cleave.output = "metrics.per_token.count"}) attributes {cleave.entry = "loss"} {
  %x = cleave.embedding %table, %ids : (tensor<32x16xf32>, tensor<8x6xi32>) -> tensor<8x6x16xf32>
  %y = cleave.matmul %x, %table {transpose_rhs = true} : (tensor<8x6x16xf32>, tensor<32x16xf32>) -> tensor<8x6x32xf32>
  %sum, %count, %lse = cleave.cross_entropy %y, %labels
      : (tensor<8x6x32xf32>, tensor<8x6xi32>) -> (tensor<f32>, tensor<f32>, tensor<8x6xf32>)
  %squares = cleave.sum_squares %table : (tensor<32x16xf32>) -> tensor<f32>
  return %sum, %count, %squares, %sum, %count : tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>
}
"""
UPDATE = """
func.func @momentum(%p: tensor<32x16xf32> {cleave.input = "parameter"}, %g: tensor<32x16xf32> {cleave.input = "gradient"},
    %m: tensor<32x16xf32> {cleave.state = "m"}, %lr: tensor<f32> {cleave.input = "lr"})
    -> (tensor<32x16xf32> {cleave.updates = "parameter"}, tensor<32x16xf32> {cleave.updates = "m"})
    attributes {cleave.entry = "update"} {
  %kept = cleave.scale %m {factor = 0.9 : f64} : (tensor<32x16xf32>) -> tensor<32x16xf32>
  %new = cleave.add %kept, %g : (tensor<32x16xf32>, tensor<32x16xf32>) -> tensor<32x16xf32>
  %rate = cleave.broadcast %lr {dimensions = array<i64>} : (tensor<f32>) -> tensor<32x16xf32>
  %change = cleave.mul %rate, %new : (tensor<32x16xf32>, tensor<32x16xf32>) -> tensor<32x16xf32>
  %updated = cleave.sub %p, %change : (tensor<32x16xf32>, tensor<32x16xf32>) -> tensor<32x16xf32>
  return %updated, %new : tensor<32x16xf32>, tensor<32x16xf32>
}
"""
RUNS = [("data=1",), ("data=2",), ("model=2",), ("data=2,model=2",), ("data=2", "--zero", 3), ("data=2", "--microbatches", 2)]
STEPS, TOLERANCE = 20, 1e-6


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "wb" if isinstance(text, bytes) else "w") as file:
        file.write(text)
    return path


def write_data(folder):
    for name, factor in (("three", 3), ("five", 5)):
        tokens = [0]
        for number in range(600):
            tokens.append((factor * tokens[-1] + 1 + number % 2) % 32)
        write(folder, name + ".bin", struct.pack(f"<{len(tokens)}H", *tokens))
    sources = {"three": {"data": "three.bin", "weight": 2}, "five": {"data": "five.bin", "weight": 1}}
    return write(folder, "mix.json", json.dumps({"sources": sources}))


def train(folder, data, model, *flags):
    plan, figures = os.path.join(folder, "plan"), os.path.join(folder, "metrics.jsonl")
    cleave("compile", model, "-o", plan, "--lr", 0.2, *flags)
    cleave("train", plan, "--data", data, "--eval-data", data, "--steps", STEPS, "--threads", 1, "--metrics", figures,
           "--tensorboard", os.path.join(folder, "events"))
    return metrics(figures)


def main():
    checks, folder = Checks(), scratch()
    data = write_data(folder)
    plain, own = write(folder, "plain.mlir", LOSS), write(folder, "own.mlir", LOSS + UPDATE)
    expected = train(folder, data, plain, "--mesh", "data=1", "--optimizer", "sgd", "--momentum", 0.9)
    checks.check(expected[-1]["loss"] < 0.8 * expected[0]["loss"], "the loss falls")
    for mesh, *flags in RUNS:
        where = " ".join(map(str, [mesh, *flags]))
        seen = train(folder, data, own, "--mesh", mesh, "--optimizer", "custom", *flags)
        worst = max(relative(step["loss"], other["loss"]) for step, other in zip(seen, expected))
        checks.check(worst <= TOLERANCE, f"{where}: losses of momentum by hand are those of --momentum, off by {worst:.1e}")
        checks.check(all(step["metrics"]["per_token"] == step["loss"] for step in seen), f"{where}: a quotient is one")
        worst = max(relative(step["metrics"]["squares"], other["metrics"]["squares"])
                    for step, other in zip(seen, expected))
        checks.check(worst <= 1e-5, f"{where}: a metric of the parameters, off by {worst:.1e}")
        checks.check(relative(seen[-1]["eval_metrics"]["per_token"], seen[-1]["eval_loss"]) < 1e-9,
                     f"{where}: a metric over all that was held out")
    events = os.listdir(os.path.join(folder, "events"))
    checks.check(len(events) == 1 + len(RUNS), f"an event file a run, got {len(events)}")
    checks.finish()


main()
