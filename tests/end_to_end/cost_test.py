"""What a step costs: clusters and links of the command line, what explain predicts and measures, and bench-cluster.

No claim here is about wall time: on a busy machine a measurement may be anything.
"""

import json
import os

from driver import Checks, cleave, scratch

CONFIG = {"model_type": "gpt2", "n_embd": 64, "n_head": 4, "n_layer": 2, "vocab_size": 256, "n_positions": 32}
# Arithmetic of 1 Gflop/s and nothing else that takes time, so that a step can be worked out by hand.
ROUND = """name: "round"
device { peaks { dtype: "f32" flops: 1e9 } memory_bytes: 1000000000 memory_bandwidth: 1e15 launch_overhead: 0 }
links { algorithm: "direct" latency: 0 bandwidth: 1e15 full_duplex: true }
"""
MEASURED_FIELDS = {"peaks", "memory_bandwidth", "matmul_efficiency", "launch_overhead", "kernels"}


class Scene:

    def __init__(self):
        self.work = scratch()
        self.config = self.write("config.json", json.dumps(CONFIG))
        self.cluster = self.write("round.textproto", ROUND)

    def path(self, name):
        return os.path.join(self.work, name)

    def write(self, name, text):
        with open(self.path(name), "w") as out:
            out.write(text)
        return self.path(name)

    def compile(self, *flags, mesh="data=2,model=2"):
        plan = self.path("x.plan")
        cleave("compile", self.config, "-o", plan, "--mesh", mesh, "--batch", 8, "--seq", 32, *flags)
        return plan

    def estimate(self, *flags, mesh="data=2,model=2"):
        return json.loads(cleave("explain", self.compile(*flags, mesh=mesh), "--json"))["estimate"]


def check_estimates(checks, scene):
    plain = scene.estimate("--cluster", scene.cluster)
    flops = sum(op["flops"] for op in plain["ops"])
    checks.check(plain["cluster"] == "round", "the estimate names its cluster")
    checks.check(abs(plain["compute_ms"] - flops / 1e6) < 1e-6 * flops / 1e6,
                 "where only arithmetic takes time, a step takes as long as its flops")
    checks.check(abs(plain["step_ms"] - plain["compute_ms"]) < 1e-3 * plain["step_ms"], "and nothing is exposed")
    moved = [op for op in plain["ops"] if op["kernel"].startswith(("all_", "reduce_scatter"))]
    checks.check(moved and all(op["bytes"] > 0 for op in moved),
                 "collectives are in the table, with the bytes that they send")
    one = scene.estimate("--cluster", scene.cluster, mesh="model=1")
    products = {op["kernel"]: op["flops"] for op in plain["ops"]}, {op["kernel"]: op["flops"] for op in one["ops"]}
    checks.check(products[0]["matmul"] * 4 == products[1]["matmul"], "four devices share the arithmetic of products")
    slow = scene.estimate("--cluster", scene.cluster, "--link", "model=1MB/s,1ms", "--link", "data=1GB/s,0us")
    checks.check(slow["exposed_ms"] > 10 and slow["step_ms"] > plain["step_ms"] + 10,
                 "a slow link is exposed and makes the step longer")
    checks.check(slow["communication_ms"] >= slow["exposed_ms"], "no more is exposed than is sent")
    known = {name: scene.estimate("--cluster", name)["step_ms"] for name in ("cpu", "a100", "h100", "h200")}
    checks.check(scene.estimate()["step_ms"] == known["cpu"], "the default is the cluster cpu")
    checks.check(all(ms > 0 for ms in known.values()), f"shipped clusters have names: {known}")


def check_plans(checks, scene):
    def hash_of(*flags):
        return cleave("explain", scene.compile(*flags)).split("hash")[1].split()[0]
    checks.check(hash_of() == hash_of(), "a plan's hash does not depend on its estimate's place")
    table = cleave("explain", scene.compile("--cluster", "h100"))
    checks.check("Time of a step, predicted for cluster h100" in table, "explain shows the prediction")
    checks.check("--cluster h100" in table, "the plan records its cluster")
    middle = scene.path("placed.mlir")
    scene.compile("--cluster", scene.cluster, "--link", "model=1MB/s,1ms", "--compile-to", "place")
    os.rename(scene.path("x.plan"), middle)
    os.remove(scene.cluster)
    cleave("compile", middle, "-o", scene.path("y.plan"))
    told = json.loads(cleave("explain", scene.path("y.plan"), "--json"))["estimate"]
    checks.check(told["cluster"] == "round" and told["exposed_ms"] > 10, "a module carries cluster and links with it")
    scene.write("round.textproto", ROUND)


def check_trace(checks, scene):
    plan, tokens, trace = scene.compile(), scene.path("tokens.bin"), scene.path("trace.json")
    with open(tokens, "wb") as out:
        out.write(bytes(index % 251 if index % 2 == 0 else 0 for index in range(2 * 32 * 40)))
    cleave("train", plan, "--data", tokens, "--steps", 4, "--threads", 1, "--trace", trace, "--eval-data", tokens,
           "--eval-every", 2)
    told = json.loads(cleave("explain", plan, "--json", "--trace", trace))["estimate"]
    missing = [op["kernel"] for op in told["ops"] if not op["measured_ms"] > 0]
    checks.check(not missing, f"every kernel of the step is found in the trace, {missing}")
    checks.check(told["measured_step_ms"] > 0, "so is the step")
    busy = sum(op["measured_ms"] for op in told["ops"] if not op["kernel"].startswith(("all_", "reduce_scatter")))
    checks.check(busy < 2 * told["measured_step_ms"],
                 "a device's kernels fit into its step: evaluations are told apart")
    table = cleave("explain", plan, "--trace", trace)
    checks.check("medians of 3 steps" in table and "%" in table, "explain shows the error of each kernel")
    other = scene.compile(mesh="model=1")
    empty = scene.write("empty.json", '{"traceEvents": []}')
    for bad in (scene.config, empty, scene.path("none")):
        cleave("explain", other, "--trace", bad, expect=1)


def check_bench(checks, scene):
    measured = scene.path("here.textproto")
    cleave("bench-cluster", "-o", measured)
    with open(measured) as text:
        written = text.read()
    checks.check(written.startswith("# Measured by cleave bench-cluster"), "the file says where it comes from")
    checks.check(all(field in written for field in MEASURED_FIELDS), "it has all that a cluster has")
    estimate = scene.estimate("--cluster", measured)
    checks.check(estimate["cluster"] == "measured" and estimate["step_ms"] > 0, "compile reads it")
    slower = scene.estimate("--cluster", measured, mesh="data=8,model=2")
    checks.check(slower["step_ms"] > 0, "more devices than cores are no error")


def main():
    checks, scene = Checks(), Scene()
    check_estimates(checks, scene)
    check_plans(checks, scene)
    check_trace(checks, scene)
    check_bench(checks, scene)
    checks.finish()


main()
