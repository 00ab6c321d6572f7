"""A training step of GPT-2 124M (batch 4, sequence 64, fp32, no dropout, no clipping): one device, four devices, and peers.

All are run in turn, round by round, on two threads in all, and each figure is the median over rounds of a run's median step, so
that a machine whose speed drifts treats them alike. Peers are commands that print one JSON line with "median_ms", given in the
environment: CLEAVE_BENCH_TORCH_EAGER, CLEAVE_BENCH_TORCH_COMPILED, CLEAVE_BENCH_JAX, CLEAVE_BENCH_JAX_MESH. Prints JSON lines:
milliseconds a step and ratios to the one-device step (above 1: slower), and how planned memory compares with what the process
really had.
"""

import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile

ROUNDS = int(os.environ.get("CLEAVE_BENCH_ROUNDS", 3))
STEPS = 6  # of a run; the first two warm up
CONFIG = {"model_type": "gpt2", "embd_pdrop": 0, "attn_pdrop": 0, "resid_pdrop": 0}
MESHES = {"one_device": ("model=1", 2), "data2_model2": ("data=2,model=2", 1)}  # with threads for each device
PEERS = ["torch_eager", "torch_compiled", "jax", "jax_mesh"]


def write_inputs(folder):
    with open(os.path.join(folder, "config.json"), "w") as out:
        json.dump(CONFIG, out)
    draw = random.Random(0)
    with open(os.path.join(folder, "tokens.bin"), "wb") as out:
        out.write(b"".join(draw.randrange(50257).to_bytes(2, "little") for _ in range(4 * 64 * STEPS + 1)))


def compile_plan(programs, folder, mesh):
    plan = os.path.join(folder, mesh + ".plan")
    subprocess.run([os.path.join(programs, "cleave-compile"), "compile", os.path.join(folder, "config.json"), "-o", plan, "--mesh",
                    mesh, "--batch", "4", "--seq", "64", "--lr", "1e-4"], check=True, stderr=subprocess.DEVNULL)
    return plan


def run_plan(programs, folder, plan, threads):
    """Median step in ms, planned bytes, and the process's peak resident bytes."""
    figures = os.path.join(folder, "metrics.jsonl")
    process = subprocess.Popen([os.path.join(programs, "cleave-run"), "train", plan, "--data", os.path.join(folder, "tokens.bin"),
                                "--steps", str(STEPS), "--threads", str(threads), "--metrics", figures], stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"the run of {plan} failed")
    steps = [json.loads(line) for line in open(figures)]
    return statistics.median(step["step_ms"] for step in steps[2:]), sum(steps[-1]["peak_bytes"]), usage.ru_maxrss * 1024


def run_peer(command):
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])["median_ms"]


def main():
    programs = sys.argv[1]
    peers = {name: os.environ["CLEAVE_BENCH_" + name.upper()] for name in PEERS if "CLEAVE_BENCH_" + name.upper() in os.environ}
    times = {name: [] for name in [*MESHES, *peers]}
    memory = {}
    with tempfile.TemporaryDirectory() as folder:
        write_inputs(folder)
        plans = {name: compile_plan(programs, folder, mesh) for name, (mesh, _) in MESHES.items()}
        for round_number in range(ROUNDS):
            print(f"round {round_number + 1}/{ROUNDS}", file=sys.stderr)
            for name, (_, threads) in MESHES.items():
                ms, planned, resident = run_plan(programs, folder, plans[name], threads)
                times[name].append(ms)
                memory[name] = (planned, max(resident, memory.get(name, (0, 0))[1]))
            for name, peer in peers.items():
                times[name].append(run_peer(peer))
    ours = statistics.median(times["one_device"])
    for name, measured in times.items():
        figure = {"bench": "gpt2_step", "case": name, "median_ms": statistics.median(measured),
                  "ratio_to_one_device": statistics.median(measured) / ours}
        if name in memory:
            planned, resident = memory[name]
            figure.update(planned_bytes=planned, peak_resident_bytes=resident, resident_to_planned=resident / planned)
        print(json.dumps(figure))


main()
