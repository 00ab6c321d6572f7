"""How well the time of a step is predicted: GPT and LLaMA models on one and two devices, plain and with communication hidden.

In each round the machine is measured (bench-cluster), every case is compiled for that cluster, and every case runs. Devices
times threads are the two cores. A measurement during which other processes took more than a little of them is made again, a
few times; the least disturbed one counts. Prints a JSON line for each case, with the medians over rounds (`others`: what other
processes took of the cores), and one for all: the median and the largest error, and the pairs of cases that differ by more
than 15 % but are predicted in the wrong order.
"""

import itertools
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = int(os.environ.get("CLEAVE_BENCH_ROUNDS", 3))
STEPS = 8  # of a run; the first two warm up
VOCABULARY = 512
TOLERANCE = 0.15
TRIES = int(os.environ.get("CLEAVE_BENCH_TRIES", 3))
LITTLE = 0.04  # of the cores


def busy_seconds():
    """All processes of the machine together, and the children of this one."""
    with open("/proc/stat") as stat:
        user, nice, system, _, _, irq, softirq, steal = map(int, stat.readline().split()[1:9])
    own = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK"), own.ru_utime + own.ru_stime


def undisturbed(measure):
    """The result of the least disturbed of a few measurements, and what other processes took of the cores meanwhile."""
    best = None
    for _ in range(TRIES):
        (all_before, own_before), start = busy_seconds(), time.monotonic()
        result = measure()
        (all_after, own_after), seconds = busy_seconds(), time.monotonic() - start
        others = max(0, (all_after - all_before) - (own_after - own_before)) / (seconds * os.cpu_count())
        if best is None or others < best[1]:
            best = result, others
        if others <= LITTLE:
            break
    return best


def gpt(width, layers):
    return {"model_type": "gpt2", "n_layer": layers, "n_embd": width, "n_head": width // 64, "vocab_size": VOCABULARY, "n_positions": 256,
            "embd_pdrop": 0, "attn_pdrop": 0, "resid_pdrop": 0}


def llama(width, layers):
    return {"model_type": "llama", "num_hidden_layers": layers, "hidden_size": width, "intermediate_size": width * 8 // 3 // 64 * 64,
            "num_attention_heads": width // 64, "num_key_value_heads": width // 64, "vocab_size": VOCABULARY, "max_position_embeddings": 256}


# Model, batch, sequence, mesh, link, flags.
CASES = [
    (gpt(256, 2), 8, 128, "model=1", "", []),
    (gpt(512, 4), 8, 128, "model=1", "", []),
    (llama(384, 3), 8, 64, "data=1", "", []),
    (gpt(256, 6), 8, 64, "model=2", "", ["--overlap", "none"]),
    (gpt(768, 2), 4, 128, "data=2", "", ["--overlap", "none"]),
    (gpt(512, 6), 8, 128, "model=2", "model=0.5GB/s,50us", ["--overlap", "none"]),
    (gpt(512, 6), 8, 128, "model=2", "model=0.5GB/s,50us", ["--overlap", "split,slice"]),
    (llama(512, 4), 8, 128, "model=2", "model=1GB/s,100us", ["--overlap", "none"]),
    (llama(512, 4), 8, 128, "model=2", "model=1GB/s,100us", ["--overlap", "split,slice"]),
    (gpt(512, 4), 8, 128, "data=2", "data=0.3GB/s,50us", ["--zero", "0", "--overlap", "none"]),
    (gpt(512, 4), 8, 128, "data=2", "data=0.3GB/s,50us", ["--zero", "0", "--overlap", "split,buckets"]),
    (gpt(384, 4), 16, 64, "data=2", "data=0.5GB/s,100us", ["--zero", "3", "--overlap", "none"]),
    (gpt(384, 4), 16, 64, "data=2", "data=0.5GB/s,100us", ["--zero", "3", "--overlap", "prefetch"]),
    (llama(256, 6), 8, 64, "data=2", "data=0.1GB/s,500us", ["--zero", "1", "--overlap", "split"]),
]


class Bench:
    def __init__(self, programs, folder):
        self.programs, self.folder = programs, folder
        draw = random.Random(0)
        with open(self.path("tokens.bin"), "wb") as out:
            out.write(b"".join(draw.randrange(VOCABULARY).to_bytes(2, "little") for _ in range(16 * 128 * STEPS + 1)))

    def path(self, name):
        return os.path.join(self.folder, name)

    def cleave(self, program, *arguments):
        return subprocess.run([os.path.join(self.programs, program), *arguments], check=True, stderr=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True).stdout

    def measure_cluster(self):
        def attempt():
            self.cleave("cleave-run", "bench-cluster", "-o", self.path("attempt.textproto"))
            with open(self.path("attempt.textproto")) as text:
                return text.read()

        cluster, others = undisturbed(attempt)
        print(f"bench-cluster, while other processes took {others:.1%} of the cores", file=sys.stderr, flush=True)
        with open(self.path("here.textproto"), "w") as out:
            out.write(cluster)

    def predict(self, case):
        config, batch, seq, mesh, link, flags = case
        with open(self.path("config.json"), "w") as out:
            json.dump(config, out)
        links = ["--link", link] if link else []
        self.cleave("cleave-compile", "compile", self.path("config.json"), "-o", self.path("plan"), "--mesh", mesh, "--batch", str(batch),
                    "--seq", str(seq), "--cluster", self.path("here.textproto"), *links, *flags)
        return json.loads(self.cleave("cleave-run", "explain", self.path("plan"), "--json"))["estimate"]["step_ms"]

    def measure(self, case):
        mesh, link = case[3:5]
        threads = 2 // int(mesh.split("=")[1])
        links = ["--link", link] if link else []
        self.cleave("cleave-run", "train", self.path("plan"), "--data", self.path("tokens.bin"), "--steps", str(STEPS), "--threads",
                    str(threads), "--metrics", self.path("metrics.jsonl"), *links)
        with open(self.path("metrics.jsonl")) as lines:
            return statistics.median(json.loads(line)["step_ms"] for line in list(lines)[2:])


def name_of(case):
    config, batch, seq, mesh, link, flags = case
    width = config.get("n_embd") or config["hidden_size"]
    layers = config.get("n_layer") or config["num_hidden_layers"]
    return " ".join([f"{config['model_type']} {layers}x{width}, {batch}x{seq}, {mesh}", link, *flags]).strip()


def main():
    predicted, measured, disturbed = ([[] for _ in CASES] for _ in range(3))
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(sys.argv[1], folder)
        for round_ in range(ROUNDS):
            print(f"round {round_ + 1} of {ROUNDS}: the machine, then {len(CASES)} cases", file=sys.stderr, flush=True)
            bench.measure_cluster()
            for n, case in enumerate(CASES):
                predicted[n].append(bench.predict(case))
                milliseconds, others = undisturbed(lambda: bench.measure(case))
                measured[n].append(milliseconds)
                disturbed[n].append(others)
    told = [statistics.median(figures) for figures in predicted]
    seen = [statistics.median(figures) for figures in measured]
    errors = [t / s - 1 for t, s in zip(told, seen)]
    for case, t, s, error, others in zip(CASES, told, seen, errors, disturbed):
        print(json.dumps({"bench": "predict", "case": name_of(case), "predicted_ms": round(t, 2), "measured_ms": round(s, 2),
                          "error": round(error, 3), "others": round(statistics.median(others), 3)}))
    pairs = [(a, b) for a, b in itertools.combinations(range(len(CASES)), 2) if max(seen[a], seen[b]) > (1 + TOLERANCE) * min(seen[a], seen[b])]
    wrong = [f"{name_of(CASES[a])} / {name_of(CASES[b])}" for a, b in pairs if (told[a] < told[b]) != (seen[a] < seen[b])]
    print(json.dumps({"bench": "predict", "cases": len(CASES), "median_error": round(statistics.median(map(abs, errors)), 3),
                      "largest_error": round(max(map(abs, errors)), 3), "within_15_percent": sum(abs(error) <= TOLERANCE for error in errors),
                      "pairs_that_differ": len(pairs), "pairs_in_wrong_order": wrong}))


main()
