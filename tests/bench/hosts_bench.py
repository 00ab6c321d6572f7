"""Hosts with shaped links, which are network namespaces of this machine: how much communication is hidden, and how well
the time of a step is predicted. A GPT of 6 layers and width 512, one process of one device and one thread on each host.

Each host has one link of 1 Gb/s to a switch. A plain plan (--overlap none) and one in which the compiler hides what it
can (--overlap auto), both for this machine as bench-cluster measures it and such a link, run in turn, round by round;
beside them, in one process, the plain one without communication. Prints JSON lines: milliseconds a step, measured and
predicted, and which part of what the plain plan could gain the overlapped one does (`gain_share`), or of what
dependencies allow (`gain_share_of_bound`, see overlap_bench). A case that needs what the kernel lacks (netem, for links
of 1 ms) is a line with "skipped".
"""

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../end_to_end"))
import hosts  # noqa: E402

ROUNDS = int(os.environ.get("CLEAVE_BENCH_ROUNDS", 3))
STEPS = 6  # of a run; the first two warm up
BATCH, SEQ = 8, 128
CONFIG = {"model_type": "gpt2", "n_layer": 6, "n_embd": 512, "n_head": 8, "vocab_size": 512, "n_positions": SEQ,
          "embd_pdrop": 0, "attn_pdrop": 0, "resid_pdrop": 0}
BANDWIDTH = "0.125GB/s"  # 1 Gb/s
# Mesh, flags, delay that netem adds to each packet (none: the namespaces' own), and the latency of a message that the
# compiler is told: both directions of the delay, and what processes and the switch add.
CASES = [("model=2", [], None, "200us"), ("data=2", ["--zero", "0"], None, "200us"),
         ("data=4", ["--zero", "0"], None, "200us"), ("model=2", [], "500us", "1200us"),
         ("data=2", ["--zero", "0"], "500us", "1200us")]


class Bench:
    def __init__(self, programs, folder):
        self.programs, self.folder = programs, folder
        with open(self.path("config.json"), "w") as out:
            json.dump(CONFIG, out)
        draw = random.Random(0)
        with open(self.path("tokens.bin"), "wb") as out:
            out.write(b"".join(draw.randrange(512).to_bytes(2, "little") for _ in range(BATCH * SEQ * STEPS + 1)))
        self.cleave("run", "bench-cluster", "-o", self.path("cluster.textproto"))

    def path(self, name):
        return os.path.join(self.folder, name)

    def program(self, name):
        return os.path.join(self.programs, f"cleave-{name}")

    def cleave(self, program, *arguments):
        return subprocess.run([self.program(program), *arguments], check=True, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True).stdout

    def compile(self, name, mesh, overlap, latency, flags):
        """A plan, and the predicted figures of its step."""
        plan = self.path(name)
        link = f"{mesh.split('=')[0]}={BANDWIDTH},{latency}"
        self.cleave("compile", "compile", self.path("config.json"), "-o", plan, "--mesh", mesh, "--batch", str(BATCH),
                    "--seq", str(SEQ), "--overlap", overlap, "--cluster", self.path("cluster.textproto"), "--link", link,
                    *flags)
        return plan, json.loads(self.cleave("run", "explain", plan, "--json"))["estimate"]

    def run(self, plan, scene=None, *flags):
        """The median step of one run in milliseconds: on all hosts of a scene, or here."""
        figures = self.path("metrics.jsonl")
        words = ["train", plan, "--data", self.path("tokens.bin"), "--steps", str(STEPS), "--threads", "1", "--metrics",
                 figures, *flags]
        line = [self.program("run"), *words]
        if scene:
            where = ",".join(f"{name}:1" for name in scene.hosts)
            line = scene.command("a", [self.program("run"), "run", "-n", len(scene.hosts), "--hosts", where, *words])
        subprocess.run(line, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(figures) as lines:
            return statistics.median(json.loads(one)["step_ms"] for one in list(lines)[2:])

    def measure(self, mesh, flags, delay, latency):
        plain, plain_told = self.compile("plain", mesh, "none", latency, flags)
        hidden, hidden_told = self.compile("hidden", mesh, "auto", latency, flags)
        names = [chr(ord("a") + n) for n in range(int(mesh.split("=")[1]))]
        scene = hosts.Hosts(names, self.folder, rate="1gbit", delay=delay)
        seen = {"plain": [], "overlapped": [], "without": []}
        try:
            for _ in range(ROUNDS):
                seen["plain"].append(self.run(plain, scene))
                seen["overlapped"].append(self.run(hidden, scene))
                seen["without"].append(self.run(plain, None, "--without-communication"))
        finally:
            scene.close()
        plain_ms, overlapped_ms, without_ms = (statistics.median(times) for times in seen.values())
        unhidable = hidden_told["bound_ms"] - hidden_told["compute_ms"]
        return {"plain_ms": plain_ms, "plain_predicted_ms": plain_told["step_ms"],
                "plain_error": plain_told["step_ms"] / plain_ms - 1, "overlapped_ms": overlapped_ms,
                "overlapped_predicted_ms": hidden_told["step_ms"],
                "overlapped_error": hidden_told["step_ms"] / overlapped_ms - 1,
                "without_communication_ms": without_ms, "unhidable_ms": unhidable,
                "gain_share": (plain_ms - overlapped_ms) / (plain_ms - without_ms),
                "gain_share_of_bound": (plain_ms - overlapped_ms) / (plain_ms - without_ms - unhidable)}


def main():
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(sys.argv[1], folder)
        for mesh, flags, delay, latency in CASES:
            about = {"bench": "hosts", "hosts": int(mesh.split("=")[1]), "mesh": mesh, "flags": " ".join(flags),
                     "link": f"{BANDWIDTH},{latency}", "delay": delay or "none"}
            reason = hosts.obstacle(folder, delay)
            figures = {"skipped": reason} if reason else bench.measure(mesh, flags, delay, latency)
            print(json.dumps({**about, **figures}), flush=True)


if __name__ == "__main__":
    main()
