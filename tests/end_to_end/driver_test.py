"""What a user can ask of the driver, from model to weights: each flag does what its help says, on a real model."""

import json
import math
import os
import signal
import subprocess
import time

from driver import Checks, cleave, command, metrics, relative, scratch

FIXTURE = "tests/end_to_end/fixtures/kit_gpt2"
DATA = FIXTURE + "/data.safetensors"
WEIGHTS = FIXTURE + "/model.safetensors"
SIZES = ["--batch", 4, "--seq", 16]
MLIR_MODEL = """
func.func @loss(%w1: tensor<8x32xf32> {cleave.parameter = "w1",
                          cleave.init = #cleave.init<"normal", mean = 0.0, deviation = 0.3, zero_row = -1>},
                %w2: tensor<32x11xf32> {cleave.parameter = "w2",
                           cleave.init = #cleave.init<"normal", mean = 0.0, deviation = 0.3, zero_row = -1>},
                %frozen: tensor<11x8xf32> {cleave.parameter = "table", cleave.trainable = false,
                          cleave.init = #cleave.init<"normal", mean = 0.0, deviation = 1.0, zero_row = -1>},
                %ids: tensor<4x6xi32> {cleave.input = "input_ids"}, %labels: tensor<4x6xi32> {cleave.input = "labels"})
    -> (tensor<f32> {cleave.output = "loss_sum"}, tensor<f32> {cleave.output = "tokens"})
    attributes {cleave.entry = "loss"} {
  %x = cleave.embedding %frozen, %ids : (tensor<11x8xf32>, tensor<4x6xi32>) -> tensor<4x6x8xf32>
  %h = cleave.matmul %x, %w1 : (tensor<4x6x8xf32>, tensor<8x32xf32>) -> tensor<4x6x32xf32>
  %a = cleave.tanh %h : (tensor<4x6x32xf32>) -> tensor<4x6x32xf32>
  %y = cleave.matmul %a, %w2 : (tensor<4x6x32xf32>, tensor<32x11xf32>) -> tensor<4x6x11xf32>
  %sum, %count, %lse = cleave.cross_entropy %y, %labels
      : (tensor<4x6x11xf32>, tensor<4x6xi32>) -> (tensor<f32>, tensor<f32>, tensor<4x6xf32>)
  return %sum, %count : tensor<f32>, tensor<f32>
}
"""


class Driver:
    def __init__(self):
        self.work, self.count = scratch(), 0

    def path(self, name):
        return os.path.join(self.work, name)

    def write(self, name, text):
        with open(self.path(name), "w") as out:
            out.write(text)
        return self.path(name)

    def plan(self, *flags, model=FIXTURE, sizes=SIZES, mesh="data=2,model=2"):
        self.count += 1
        plan = self.path(f"plan{self.count}")
        cleave("compile", model, "-o", plan, "--mesh", mesh, *sizes, *flags)
        return plan

    def train(self, plan, *flags, steps=5, data=DATA, init=WEIGHTS):
        figures = self.path("metrics.jsonl")
        start = ["--init", init] if init else []
        cleave("train", plan, "--data", data, "--steps", steps, "--order", "sequential", "--threads", 1, "--metrics",
               figures, *start, *flags)
        return metrics(figures)

    def losses(self, plan, **options):
        return [step["loss"] for step in self.train(plan, **options)]


def tensors(path):
    """Names and bytes of a safetensors file."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    return {name: data[slice(*entry["data_offsets"])] for name, entry in header.items() if name != "__metadata__"}


def check_phases(driver, checks, expected):
    for phase in ("normalize", "differentiate", "place", "partition", "schedule"):
        text = driver.path(phase + ".mlir")
        cleave("compile", FIXTURE, "-o", text, "--mesh", "data=2,model=2", *SIZES, "--compile-to", phase)
        plan = driver.path(phase + ".plan")
        cleave("compile", text, "-o", plan)
        checks.check(driver.losses(plan) == expected,
                     f"a compilation that stops after {phase} and goes on gives the same losses")


def check_placements(driver, checks, expected):
    none = driver.plan("--strategy", "none")
    told = json.loads(cleave("explain", none, "--json"))
    checks.check(not told["collectives"], "--strategy none moves nothing")
    checks.check(max(map(relative, driver.losses(none), expected)) < 1e-5, "and computes the same")
    pins = driver.write("pins.json",
                        json.dumps({"pins": {"transformer.h.*.mlp.c_fc.weight": {"model": "S(0)"},
                                             "transformer.wpe.weight": {"data": "S(0)"}}}))
    pinned = driver.plan("--pins", pins)
    told = {value["name"]: value for value in json.loads(cleave("explain", pinned, "--json"))["values"]}
    checks.check(told["transformer.h.1.mlp.c_fc.weight"]["placement"] == ["B", "S(0)"],
                 "a pinned parameter lies as pinned")
    checks.check(told["transformer.wpe.weight"]["placement"] == ["S(0)", "B"],
                 "and so does another along the other axis")
    checks.check(max(map(relative, driver.losses(pinned), expected)) < 1e-5, "a pinned plan computes the same")


def check_groups(driver, checks):
    groups = driver.write("groups.json",
                          json.dumps({"groups": [{"match": "*.bias", "trainable": False},
                                                 {"match": "*wte*", "lr": 0}]}))
    saved = driver.path("groups.safetensors")
    driver.train(driver.plan("--groups", groups, "--lr", "0.01"), "--save", saved)
    before, after = tensors(WEIGHTS), tensors(saved)
    same = {name for name in before if before[name] == after.get(name)}
    checks.check(set(before) == set(after), "weights are saved under the names that they were loaded by")
    checks.check(all((name in same) == (name.endswith(".bias") or "wte" in name) for name in before),
                 "frozen parameters keep their bits and the others change")


def check_schedule(driver, checks):
    steps = driver.train(driver.plan("--schedule", "cosine", "--warmup", 2, "--total-steps", 8, "--lr", "1e-2",
                                     "--min-lr", "1e-3"), steps=10)
    fall = lambda t: 0.5 * (1 + math.cos(math.pi * min(1, (t - 2) / 6)))
    rate = lambda t: 1e-2 * t / 2 if t <= 2 else 1e-3 + (1e-2 - 1e-3) * fall(t)
    checks.check(all(relative(step["lr"], rate(step["step"])) < 1e-6 for step in steps),
                 "the learning rate warms up, falls along a cosine and stays")


def check_documents(driver, checks):
    """Rows of two documents, with restarts, equal rows of one document each."""
    tokens = driver.path("documents.bin")
    with open(tokens, "wb") as out:
        for i in range(16 * 8 + 1):
            out.write((95 if i % 8 == 7 else (i * i * 7 + 3 * i) % 90).to_bytes(2, "little"))
    packed = driver.plan("--document-end", 95, "--optimizer", "sgd", sizes=["--batch", 2, "--seq", 16])
    apart = driver.plan("--optimizer", "sgd", sizes=["--batch", 4, "--seq", 8])
    joined = driver.plan("--optimizer", "sgd", sizes=["--batch", 2, "--seq", 16])
    one, other, plain = (driver.losses(plan, data=tokens, steps=4) for plan in (packed, apart, joined))
    checks.check(max(map(relative, one, other)) < 1e-5, "a packed row equals its documents run separately")
    checks.check(max(map(relative, plain, other)) > 1e-4, "which it does not without --document-end")


def check_dropout(driver, checks):
    plan = driver.plan("--dropout", "0.3")
    evaluated = lambda seed: driver.train(plan, "--eval-data", DATA, "--eval-every", 1, "--seed", seed, steps=1)[0]
    first, second = evaluated(1), evaluated(2)
    checks.check(first["loss"] != second["loss"], "dropout depends on the seed")
    whole = driver.train(driver.plan("--lr", "0"), "--eval-data", DATA, "--eval-every", 1, steps=1)[0]
    frozen = driver.train(driver.plan("--dropout", "0.3", "--lr", "0"), "--eval-data", DATA, "--eval-every", 1,
                          steps=1)[0]
    checks.check(frozen["eval_loss"] == whole["eval_loss"], "an evaluation drops nothing")


def check_mlir(driver, checks):
    model = driver.write("model.mlir", MLIR_MODEL)
    tokens = driver.path("letters.bin")
    with open(tokens, "wb") as out:
        for i in range(6 * 40 + 1):
            out.write((i * 5 % 11).to_bytes(2, "little"))
    saved = [driver.path("first.safetensors"), driver.path("last.safetensors")]
    one = driver.plan("--lr", "0.02", model=model, sizes=[], mesh="model=1")
    four = driver.plan("--lr", "0.02", model=model, sizes=[])
    losses = driver.losses(one, data=tokens, init=None, steps=60)
    checks.check(losses[-1] < 0.2 * losses[0],
                 f"a model in MLIR learns a sequence: {losses[0]:.3f} to {losses[-1]:.3f}")
    error = max(map(relative, driver.losses(four, data=tokens, init=None, steps=15), losses))
    checks.check(error < 1e-5, f"and does the same on four devices, off by at most {error:.1e}")
    driver.train(four, "--save", saved[0], data=tokens, init=None, steps=1)
    driver.train(four, "--save", saved[1], data=tokens, init=None, steps=9)
    first, last = map(tensors, saved)
    checks.check(first["table"] == last["table"] and first["w1"] != last["w1"],
                 "its frozen table stays and its weights change")


def check_links(driver, checks, expected):
    plan = driver.plan()
    slow = driver.train(plan, "--link", "data=1GB/s,20ms", "--link", "model=1GB/s,0us", steps=2)
    checks.check([step["loss"] for step in slow] == expected[:2], "links change no number")
    checks.check(min(step["step_ms"] for step in slow) >= 20,
                 f"and a step takes at least as long as a transfer: {slow[0]['step_ms']:.1f} ms")
    tells = [step["step_ms"] >= step["comm_ms"] >= 20 and step["exposed_ms"] >= 20 and step["late_ms"] >= 0
             for step in slow]
    checks.check(all(tells), f"which metrics tell: {slow[0]['comm_ms']:.1f} ms, {slow[0]['exposed_ms']:.1f} ms exposed")


def check_without_communication(driver, checks, expected):
    plan = driver.plan()
    with open(plan, "rb") as file:
        before = file.read()
    steps = driver.train(plan, "--without-communication", "--link", "data=1GB/s,3000s", "--link", "model=1GB/s,3000s",
                         steps=3)
    says = all(step["without_communication"] for step in steps)
    checks.check([step["loss"] for step in steps] != expected[:3] and says,
                 "--without-communication gives wrong numbers and says so")
    checks.check(sum(step["exposed_ms"] for step in steps) < 3e6, "and waits for no transfer")
    with open(plan, "rb") as file:
        checks.check(file.read() == before, "the plan stays as it is")


def check_trace(driver, checks):
    trace = driver.path("trace.json")
    plan, page = driver.plan(), driver.path("report.html")
    driver.train(plan, "--trace", trace, "--link", "data=1GB/s,2ms", "--link", "model=1GB/s,1ms", steps=3)
    with open(trace) as text:
        events = json.load(text)["traceEvents"]
    rows = {(event["pid"], event["tid"]): event["args"]["name"] for event in events if event["name"] == "thread_name"}
    seen = sorted({rows[key] for key in rows if key[0] == 2})
    checks.check(seen == ["communicate", "compute", "idle", "link data", "link model", "phases"],
                 "a trace has a row for kernels, each link, phases and idle time")
    phases = {event["name"] for event in events if event.get("cat") in ("run", "phase")}
    checks.check(phases >= {"step", "forward", "backward", "update"}, "and its steps have phases")
    begun, ended = ({event["id"] for event in events if event["ph"] == kind} for kind in "sf")
    checks.check(begun == ended and len(begun) > 50, f"{len(begun)} arrows lead from a start to a wait")
    lines = [line.split() for line in cleave("trace-report", trace).splitlines()]
    table = [line for line in lines if len(line) == 10]
    checks.check(table[0][:6] == ["device", "step", "compute", "communication", "hidden",
                                  "exposed"] and len(table) == 6, "trace-report has a line for each device")
    figures = [float(value) for value in table[1][1:]]
    checks.check(abs(figures[0] - figures[1] - sum(figures[4:])) < 0.01, "whose parts make up the step")
    checks.check(figures[2] > 10, f"with its communication: {figures[2]} ms")
    cleave("report", driver.path("metrics.jsonl"), "-o", page, "--plan", plan, "--trace", trace)
    with open(page) as text:
        drawn = text.read()
    checks.check(all(what in drawn for what in ("step 3\nloss: ", "Timeline of the last step", "link model")),
                 "report draws its steps and its timeline")


def check_interrupt(driver, checks):
    checkpoints, figures = driver.path("checkpoints"), driver.path("interrupted.jsonl")
    arguments = ["train", driver.plan(), "--data", DATA, "--steps", 100000, "--order", "sequential", "--metrics",
                 figures, "--checkpoint", checkpoints, "--checkpoint-every", 1000000]
    process = subprocess.Popen(command(arguments), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not (os.path.exists(figures) and os.path.getsize(figures)):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    steps = len(metrics(figures))
    checks.check(process.returncode == 130, f"Ctrl-C ends a run with 130: {process.returncode} {said[-200:]}")
    resumed = driver.train(arguments[1], "--resume", checkpoints, steps=steps + 2, init=None)
    checks.check([step["step"] for step in resumed][-2:] == [steps + 1, steps + 2],
                 "behind a checkpoint of the step under way")


def check_sample(driver, checks):
    text = driver.write("text.txt", "to be or not to be that is the question " * 60)
    tokens, vocabulary = driver.path("text.bin"), driver.path("vocabulary.json")
    cleave("tokenize", text, "-o", tokens, "--vocab", "bytes", "--vocab-out", vocabulary)
    config = driver.write("config.json",
                          json.dumps({"model_type": "gpt2", "vocab_size": 256, "n_positions": 32, "n_embd": 32,
                                      "n_layer": 1, "n_head": 2}))
    plan = driver.plan("--lr", "1e-2", "--dropout", "0", model=config, sizes=["--batch", 8, "--seq", 32])
    saved = driver.path("text.safetensors")
    losses = [step["loss"] for step in driver.train(plan, "--save", saved, data=tokens, init=None, steps=150)]
    said = cleave("sample", plan, "--weights", saved, "--prompt", "to be or ", "--vocab-in", vocabulary, "--tokens", 20,
                  "--top-k", 1)
    endless = ["sample", plan, "--weights", saved, "--prompt", "to be", "--tokens", 10**12]
    process = subprocess.Popen(command(endless), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.read(100)
    process.send_signal(signal.SIGINT)
    process.stdout.read()
    checks.check(process.wait() == 130, f"Ctrl-C ends a sample with 130: {process.returncode}")
    checks.check("not to be" in said, f"a model that has learned a sentence (loss {losses[-1]:.3f}) says it: {said!r}")


def main():
    driver, checks = Driver(), Checks()
    expected = driver.losses(driver.plan())
    check_phases(driver, checks, expected)
    check_placements(driver, checks, expected)
    check_groups(driver, checks)
    check_schedule(driver, checks)
    check_documents(driver, checks)
    check_dropout(driver, checks)
    check_mlir(driver, checks)
    check_links(driver, checks, expected)
    check_without_communication(driver, checks, expected)
    check_trace(driver, checks)
    check_interrupt(driver, checks)
    check_sample(driver, checks)
    checks.finish()


main()
