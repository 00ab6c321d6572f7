"""What explain --overlap says of each collective: what hides it, what is waited for, and why.

The facts are those of the predicted step, so sums are exact; a cluster on which little but products and links takes time
makes the reasons plain.
"""

import json
import os

from driver import Checks, cleave, scratch

CONFIG = {"model_type": "gpt2", "n_embd": 64, "n_head": 4, "n_layer": 3, "vocab_size": 256, "n_positions": 32}
CLUSTER = """name: "round"
device { peaks { dtype: "f32" flops: 1e9 } memory_bytes: 1000000000 memory_bandwidth: 1e12 launch_overhead: 0 }
links { algorithm: "direct" latency: 1e-5 bandwidth: 1e9 full_duplex: true }
"""
CAUSES = {"no independent work", "order", "memory cap", "own cores"}


class Scene:
    def __init__(self):
        self.work = scratch()
        self.plan = os.path.join(self.work, "x.plan")
        self.config = self.write("config.json", json.dumps(CONFIG))
        self.cluster = self.write("round.textproto", CLUSTER)

    def write(self, name, text):
        path = os.path.join(self.work, name)
        with open(path, "w") as out:
            out.write(text)
        return path

    def compile(self, mesh, *flags, cluster=True):
        named = ["--cluster", self.cluster] if cluster else []
        cleave("compile", self.config, "-o", self.plan, "--mesh", mesh, "--batch", 8, "--seq", 32, *named, *flags)

    def explained(self, mesh, *flags, cluster=True):
        self.compile(mesh, *flags, cluster=cluster)
        return json.loads(cleave("explain", self.plan, "--overlap", "--json")), json.loads(cleave("explain", self.plan, "--json"))


def is_close(a, b):
    return abs(a - b) <= 1e-9 + 1e-6 * abs(b)


def causes_of(told):
    sums = {}
    for collective in told["collectives"]:
        for cause in collective["causes"]:
            sums[cause["cause"]] = sums.get(cause["cause"], 0) + cause["ms"]
    return sums


def check_sums(checks, name, told, whole):
    collectives = told["collectives"]
    exposed = sum(collective["exposed_ms"] for collective in collectives)
    checks.check(is_close(exposed, whole["estimate"]["exposed_ms"]), f"{name}: {exposed:.4f} ms exposed in all are the estimate's")
    checks.check(all(is_close(sum(cause["ms"] for cause in c["causes"]), c["exposed_ms"]) for c in collectives), f"{name}: causes add up")
    checks.check(all(is_close(sum(hider["ms"] for hider in c["hidden_by"]), c["hidden_ms"]) for c in collectives), f"{name}: hiders add up")
    checks.check(all(c["hidden_ms"] <= c["end_ms"] - c["begin_ms"] + 1e-9 for c in collectives), f"{name}: no more is hidden than is sent")
    checks.check([(c["kind"], c["bytes"], c["op"]) for c in collectives] == [(c["kind"], c["bytes"], c["op"]) for c in whole["collectives"]],
                 f"{name}: the {len(collectives)} collectives are explain's")
    checks.check(set(causes_of(told)) <= CAUSES and len({c["name"] for c in collectives}) == len(collectives), f"{name}: known causes, names of their own")


def check_bound(checks, name, told, whole):
    """The bound of a step; it lies between what is computed and the step."""
    bound, estimate = told["bound_ms"], whole["estimate"]
    checks.check(bound == estimate["bound_ms"], f"{name}: explain has the bound too")
    checks.check(estimate["compute_ms"] - 1e-9 <= bound <= told["step_ms"] + 1e-9,
                 f"{name}: {estimate['compute_ms']:.4f} ms computed, bound {bound:.4f} ms, step {told['step_ms']:.4f} ms")
    return bound


def check_reasons(checks, scene):
    plain, _ = scene.explained("model=2", "--overlap", "none")
    forward = [c for c in plain["collectives"] if c["phase"] == "forward"]
    waited = [c for c in forward if c["exposed_ms"] > 0.5 * c["ms"]]
    checks.check(waited and all(c["causes"][0]["cause"] == "no independent work" for c in waited if c["layer"]),
                 "what a chain of layers needs at once has nothing that hides it")
    ordered, _ = scene.explained("model=2", "--overlap", "split")
    queued, _ = scene.explained("data=2", "--overlap", "prefetch", "--zero", 3, "--link", "data=0.05GB/s,50us")
    behind = [cause for c in queued["collectives"] for cause in c["causes"] if cause["cause"] == "order"]
    names = {c["name"] for c in queued["collectives"]}
    checks.check(behind and all(cause["op"] for cause in behind) and any(cause["op"] in names for cause in behind),
                 "a transfer that stands in line behind another one is exposed by its order, which names that one")
    hidden = [c for c in ordered["collectives"] if c["phase"] == "backward" and c["hidden_by"]]
    checks.check(hidden and any(hider["kernel"] == "outer" for c in hidden for hider in c["hidden_by"]),
                 "in the backward pass weight gradients hide the input gradient's reduction")
    sliced, _ = scene.explained("model=2", "--overlap", "split,slice")
    others = [c for c in sliced["collectives"] if c["phase"] == "forward" and c["hidden_ms"] > 0.5 * c["ms"]]
    checks.check(len(others) > 2, f"{len(others)} transfers of the forward pass hide behind the other slice")
    scene.write("round.textproto", CLUSTER.replace("direct", "one_pass"))
    copied, _ = scene.explained("model=2", "--overlap", "none")
    checks.check(max(causes_of(copied), key=causes_of(copied).get) == "own cores", "where devices share memory and have no links, copies keep their cores busy")
    alone, _ = scene.explained("model=2", cluster=False)
    checks.check(alone["cluster"] == "cpu" and alone["collectives"], "without a cluster the default one is asked")
    scene.write("round.textproto", CLUSTER)


def check_room(checks, scene):
    gathers = ["--zero", 3, "--link", "data=0.02GB/s,50us"]
    scene.compile("data=2", "--overlap", "prefetch", *gathers)
    free = json.loads(cleave("explain", scene.plan, "--overlap", "--json"))
    peak = max(device["planned_peak"] for device in json.loads(cleave("explain", scene.plan, "--json"))["memory"])
    tight, whole = scene.explained("data=2", "--overlap", "prefetch", "--memory", int(0.93 * peak), *gathers)
    check_sums(checks, "prefetch in little memory", tight, whole)
    checks.check(causes_of(tight).get("memory cap", 0) > 0, f"what there is no room for is held back: {causes_of(tight)}, before {causes_of(free)}")


def check_table(checks, scene):
    scene.compile("data=2,model=2", "--overlap", "split,slice")
    table = cleave("explain", scene.plan, "--overlap")
    checks.check("No order of these ops and transfers takes less than" in table, "the bound is told")
    checks.check("predicted for cluster round" in table and "h.*" in table and " x all_reduce" in table, "layers share a row")
    scene.compile("model=1")
    checks.check(cleave("explain", scene.plan, "--overlap") == "Nothing moves between devices.\n", "one device has nothing to hide")
    cleave("explain", scene.plan, "--overlap", "--trace", scene.config, expect=2)


def main():
    checks, scene = Checks(), Scene()
    for mesh in ("model=2", "data=2", "data=2,model=2", "model=3", "data=3"):
        bounds = {}
        for overlap in ("none", "split", "split,slice,sequence,buckets"):
            told, whole = scene.explained(mesh, "--overlap", overlap)
            check_sums(checks, f"{mesh} with {overlap}", told, whole)
            bounds[overlap] = check_bound(checks, f"{mesh} with {overlap}", told, whole)
        checks.check(is_close(bounds["none"], bounds["split"]), f"{mesh}: the bound is the same for each order of the same ops")
    check_reasons(checks, scene)
    check_room(checks, scene)
    check_table(checks, scene)
    checks.finish()


main()
