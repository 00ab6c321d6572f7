"""How much communication is hidden: a GPT of 6 layers and width 512 on two devices of one thread, over emulated links.

For each case a plain plan (--overlap none) and one in which the compiler hides what it can (--overlap auto, for the
machine as bench-cluster measures it) run in turn, round by round, with and without communication. Links are set so that
communication takes about a given share of the plain step.

Prints JSON lines: milliseconds a step, communication and what of it is exposed, and which part of what the plain plan
could gain the overlapped one does. What it could gain is everything, as far as `without_communication_ms` says
(`gain_share`), or what dependencies allow (`gain_share_of_bound`): `bound_ms` is the plain step without communication
and what of communication no order of the overlapped plan's ops and transfers hides (`unhidable_ms`), as is predicted.
"""

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile

ROUNDS = int(os.environ.get("CLEAVE_BENCH_ROUNDS", 3))
STEPS = 6  # of a run; the first two warm up
BATCH, SEQ = 8, 128
CONFIG = {"model_type": "gpt2", "n_layer": 6, "n_embd": 512, "n_head": 8, "vocab_size": 512, "n_positions": SEQ,
          "embd_pdrop": 0, "attn_pdrop": 0, "resid_pdrop": 0}
CASES = [("model=2", []), ("data=2", ["--zero", "0"]), ("data=2", ["--zero", "3"])]
SHARES = [0.2, 0.35, 0.45]  # of the plain step


class Bench:
    def __init__(self, programs, folder):
        self.programs, self.folder = programs, folder
        with open(os.path.join(folder, "config.json"), "w") as out:
            json.dump(CONFIG, out)
        draw = random.Random(0)
        with open(os.path.join(folder, "tokens.bin"), "wb") as out:
            out.write(b"".join(draw.randrange(512).to_bytes(2, "little") for _ in range(BATCH * SEQ * STEPS + 1)))
        self.cluster = os.path.join(folder, "cluster.textproto")
        subprocess.run([os.path.join(programs, "cleave-run"), "bench-cluster", "-o", self.cluster], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def compile(self, name, mesh, overlap, flags):
        plan = os.path.join(self.folder, name)
        config = os.path.join(self.folder, "config.json")
        subprocess.run([os.path.join(self.programs, "cleave-compile"), "compile", config, "-o", plan, "--mesh", mesh,
                        "--batch", str(BATCH), "--seq", str(SEQ), "--overlap", overlap, *flags], check=True,
                       stderr=subprocess.DEVNULL)
        return plan

    def unhidable(self, plan):
        """Milliseconds of predicted communication that no order of a plan's ops and transfers hides."""
        told = subprocess.run([os.path.join(self.programs, "cleave-run"), "explain", plan, "--json"], check=True,
                              stdout=subprocess.PIPE, text=True).stdout
        estimate = json.loads(told)["estimate"]
        return estimate["bound_ms"] - estimate["compute_ms"]

    def run(self, plan, *flags):
        """Medians over the steps of one run."""
        figures = os.path.join(self.folder, "metrics.jsonl")
        subprocess.run([os.path.join(self.programs, "cleave-run"), "train", plan, "--data",
                        os.path.join(self.folder, "tokens.bin"), "--steps", str(STEPS), "--threads", "1",
                        "--metrics", figures, *flags], check=True, stderr=subprocess.DEVNULL)
        steps = [json.loads(line) for line in open(figures)][2:]
        return {key: statistics.median(step[key] for step in steps) for key in ("step_ms", "comm_ms", "exposed_ms")}

    def link_for(self, plan, axis, share):
        """A link on which communication takes the share of the plain step."""
        compute = self.run(plan, "--without-communication")["step_ms"]
        known = 1.0  # GB/s
        comm = self.run(plan, "--link", f"{axis}={known}GB/s,50us")["comm_ms"]
        return f"{axis}={known * comm / (compute * share / (1 - share)):.4f}GB/s,50us"

    def measure(self, mesh, flags, share):
        axis = mesh.split("=")[0]
        plain = self.compile("plain", mesh, "none", flags)
        link = self.link_for(plain, axis, share)
        hidden = self.compile("hidden", mesh, "auto", [*flags, "--cluster", self.cluster, "--link", link])
        runs = {"plain": (plain, ["--link", link]), "overlapped": (hidden, ["--link", link]),
                "without": (plain, ["--without-communication"])}
        seen = {name: [] for name in runs}
        for _ in range(ROUNDS):
            for name, (plan, extra) in runs.items():
                seen[name].append(self.run(plan, *extra))
        median = {name: {key: statistics.median(run[key] for run in all_runs) for key in all_runs[0]}
                  for name, all_runs in seen.items()}
        plain_ms, overlapped_ms, without_ms = (median[name]["step_ms"] for name in ("plain", "overlapped", "without"))
        unhidable = self.unhidable(hidden)
        comm, exposed = median["overlapped"]["comm_ms"], median["overlapped"]["exposed_ms"]
        return {"bench": "overlap", "mesh": mesh, "flags": " ".join(flags), "link": link, "share": share,
                "plain_ms": plain_ms, "overlapped_ms": overlapped_ms, "without_communication_ms": without_ms,
                "unhidable_ms": unhidable, "bound_ms": without_ms + unhidable,
                "comm_ms": comm, "exposed_ms": exposed, "exposed_share": exposed / comm,
                "gain_share": (plain_ms - overlapped_ms) / (plain_ms - without_ms),
                "gain_share_of_bound": (plain_ms - overlapped_ms) / (plain_ms - without_ms - unhidable)}


def main():
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(sys.argv[1], folder)
        for mesh, flags in CASES:
            for share in SHARES:
                print(f"{mesh} {' '.join(flags)} at {share:.0%}", file=sys.stderr)
                print(json.dumps(bench.measure(mesh, flags, share)), flush=True)


if __name__ == "__main__":
    main()
