"""A plan of four devices gives the same losses and weights, to the last bit, in one process, two and four.

The processes are mpirun's. They share few cores: threads and sizes are small.
"""

import json
import os
import random
import shutil
import signal
import struct
import subprocess
import time

from driver import Checks, cleave, command, metrics, scratch

MODEL = {"model_type": "gpt2", "vocab_size": 64, "n_positions": 16, "n_embd": 64, "n_layer": 2, "n_head": 4,
         "embd_pdrop": 0.1, "attn_pdrop": 0, "resid_pdrop": 0}
MESHES = ["model=4", "data=4", "data=2,model=2"]
OVERLAPS = ["none", "split,slice"]
BATCH, SEQ, STEPS = 8, 16, 50
MPIRUN = ["mpirun", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1"]


def write_inputs(work):
    draw = random.Random(0)
    with open(os.path.join(work, "tokens.bin"), "wb") as out:
        out.write(b"".join(struct.pack("<H", draw.randrange(64)) for _ in range(SEQ * BATCH * 4 + 1)))
    with open(os.path.join(work, "config.json"), "w") as out:
        json.dump(MODEL, out)


def train(work, plan, processes, name, *more, extra=()):
    """Runs a training by so many processes; its exit code and what it said."""
    line = command(["train", plan, "--data", os.path.join(work, "tokens.bin"), "--steps", STEPS, "--threads", 1,
                    "--metrics", os.path.join(work, name + ".jsonl"), "--save", os.path.join(work, name), *more])
    launcher = MPIRUN + ["-n", str(processes), *extra] if processes > 1 else []
    done = subprocess.run(launcher + line, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def results(work, name):
    with open(os.path.join(work, name), "rb") as file:
        return [(line["loss"], line["grad_norm"]) for line in metrics(os.path.join(work, name + ".jsonl"))], file.read()


def check_plan(checks, work, mesh, overlap):
    plan = os.path.join(work, "plan")
    cleave("compile", os.path.join(work, "config.json"), "-o", plan, "--mesh", mesh, "--batch", BATCH, "--seq", SEQ,
           "--overlap", overlap, "--clip-norm", 1)
    seen = {}
    for processes in (1, 2, 4):
        code, text = train(work, plan, processes, f"w{processes}")
        checks.check(code == 0, f"{mesh}, overlap {overlap}: {processes} processes end well" +
                     (f": exit {code}, {text}" if code else ""))
        if code == 0:
            seen[processes] = results(work, f"w{processes}")
    for processes in (2, 4):
        checks.check(1 in seen and seen.get(processes) == seen[1] and len(seen[1][0]) == STEPS,
                     f"{mesh}, overlap {overlap}: {processes} processes give the losses and weights of one")


def check_refusals(checks, work):
    plan = os.path.join(work, "plan")
    code, text = train(work, plan, 3, "none")
    checks.check(code != 0 and "4 devices between them, got 3" in text, "three processes for four devices are refused")
    line = command(["train", plan, "--data", os.path.join(work, "tokens.bin"), "--threads", "1"])
    done = subprocess.run(MPIRUN + ["-n", "1"] + line + ["--steps", "2", ":", "-n", "1"] + line + ["--steps", "3"],
                          capture_output=True, text=True)
    checks.check(done.returncode != 0 and "process 1 on host" in done.stderr and "command line" in done.stderr,
                 f"a process with another command line is named: {done.stderr[:400]}")


def check_checkpoints(checks, work):
    """Half the steps by two processes, half by one, and the other way round."""
    plan, data = os.path.join(work, "plan"), os.path.join(work, "tokens.bin")
    for first, second in ((2, 1), (1, 4)):
        folder, weights = os.path.join(work, f"run{first}"), os.path.join(work, "resumed")
        base = ["train", plan, "--data", data, "--threads", 1, "--checkpoint", folder]
        for processes, more in ((first, ["--steps", STEPS // 2]),
                                (second, ["--steps", STEPS, "--resume", folder, "--save", weights])):
            cleave(*(["run", "-n", processes] if processes > 1 else []), *base, *more)
        with open(weights, "rb") as resumed, open(os.path.join(work, "w1"), "rb") as whole:
            checks.check(resumed.read() == whole.read(),
                         f"a checkpoint of {first} goes on in {second}, with the weights of a run in one go")


def process_of(job, rank):
    """The id of a process of mpirun's."""
    with open(f"/proc/{job.pid}/task/{job.pid}/children") as children:
        for child in children.read().split():
            with open(f"/proc/{child}/environ") as environment:
                if f"OMPI_COMM_WORLD_RANK={rank}\0" in environment.read():
                    return int(child)
    raise RuntimeError(f"mpirun has no process {rank}")


def await_lines(path, count, seconds=60):
    """Waits until a file has so many lines."""
    end = time.monotonic() + seconds
    while not os.path.exists(path) or len(open(path).readlines()) < count:
        if time.monotonic() > end:
            raise TimeoutError(f"requires {count} lines in {path} within {seconds} s")
        time.sleep(0.01)


def fault(work, number):
    """What a job says of which process 1 gets a signal once it trains; its exit code too. Records go to "flight"."""
    path = os.path.join(work, "fault.jsonl")
    if os.path.exists(path):
        os.remove(path)
    line = command(["train", os.path.join(work, "plan"), "--data", os.path.join(work, "tokens.bin"), "--steps", 10**6,
                    "--threads", 1, "--deadline", 2, "--metrics", path, "--flight-records",
                    os.path.join(work, "flight")])
    with subprocess.Popen(MPIRUN + ["-n", "2"] + line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True) as job:
        await_lines(path, 3)
        os.kill(process_of(job, 1), number)
        text = job.communicate()[0]
        return job.returncode, text


def check_diagnosis(checks, work, what):
    told = json.loads(cleave("diagnose", os.path.join(work, "flight"), "--json"))
    suspects, waits = told["suspects"], told["waits"]
    checks.check(suspects and suspects[0]["process"] == 1 and suspects[0]["ranks"] == [2, 3] and
                 "no sign of life" in suspects[0]["reasons"][0],
                 f"diagnose names the process that {what}: {suspects}")
    checks.check(waits and all(wait["in"] for wait in waits) and len(told["records"]) == 2 and
                 {event["process"] for event in told["events"]} == {0, 1}, f"and who waits in what: {waits}")
    text = cleave("diagnose", os.path.join(work, "flight"))
    checks.check(text.startswith("culprit: process 1 (ranks 2, 3, host "), f"as text too: {text}")


def check_faults(checks, work):
    code, text = fault(work, signal.SIGKILL)
    checks.check(code != 0 and "rank 1 with PID" in text and "signal 9" in text,
                 f"a process that is killed ends the job and is named: {text[-300:]}")
    check_diagnosis(checks, work, "was killed")
    code, text = fault(work, signal.SIGSTOP)
    # Who notices first, and in what, depends on when it was stopped; the records name it.
    checks.check(code != 0, f"one that stops is found by the deadline, and ends the job: {text[-300:]}")
    check_diagnosis(checks, work, "stopped")


def check_commands(checks, work):
    plan = os.path.join(work, "plan")
    cleave("run", "-n", 2, "train", plan, "--data", os.path.join(work, "tokens.bin"), "--steps", STEPS, "--threads", 1,
           "--metrics", os.path.join(work, "run.jsonl"), "--save", os.path.join(work, "run"))
    checks.check(results(work, "run") == results(work, "w1"), "cleave run starts processes that give the same")
    told = cleave("doctor")
    checks.check("Open MPI v" in told and "mpirun" in told and "vectors" in told, "doctor tells what is there")


def check_trace(checks, work):
    """All devices in one trace, in one time; lateness of every rank in the metrics."""
    trace, path = os.path.join(work, "trace.json"), os.path.join(work, "traced.jsonl")
    cleave("run", "-n", 4, "train", os.path.join(work, "plan"), "--data", os.path.join(work, "tokens.bin"), "--steps",
           6, "--threads", 1, "--metrics", path, "--trace", trace)
    lines = metrics(path)
    checks.check(all(len(line["late_ms_by_rank"]) == 4 and 0 <= line["slowest_rank"] < 4 and
                     line["late_ms_by_rank"][line["slowest_rank"]] == min(line["late_ms_by_rank"]) and
                     line["late_ms"] == max(line["late_ms_by_rank"]) for line in lines),
                 f"metrics tell how late each rank is: {lines[-1]}")
    told = cleave("trace-report", trace)
    checks.check("means of 6" in told and all(f"\n  {device} " in told for device in range(4)),
                 f"trace-report reads the trace of all processes: {told}")
    with open(trace) as file:
        events = json.load(file)["traceEvents"]
    steps = {}
    for event in events:
        if event.get("cat") == "run" and event["name"] == "step":
            steps.setdefault(event["pid"], []).append((event["ts"], event["ts"] + event["dur"]))
    # Every step has a collective over all ranks: before its end on one, it has begun on all.
    overlap = all(max(begin for begin, _ in step) < min(end for _, end in step) for step in zip(*steps.values()))
    checks.check(sorted(steps) == [0, 1, 2, 3] and overlap, f"steps of all devices are at the same time: {steps}")


def main():
    checks, work = Checks(), scratch()
    assert shutil.which("mpirun"), "requires mpirun, of Debian's package openmpi-bin"
    write_inputs(work)
    for mesh in MESHES:
        for overlap in OVERLAPS:
            check_plan(checks, work, mesh, overlap)
    check_commands(checks, work)
    check_trace(checks, work)
    check_checkpoints(checks, work)
    check_faults(checks, work)
    check_refusals(checks, work)
    checks.finish()


if __name__ == "__main__":
    main()
