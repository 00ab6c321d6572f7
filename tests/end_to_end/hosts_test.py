"""A plan trains on two and four hosts, network namespaces here, with the losses and weights of one process.

Counted as skipped where the kernel or missing rights forbid such hosts.
"""

import json
import os
import subprocess

import hosts
import processes_test
from driver import Checks, cleave, command, scratch

STEPS = 12


def line(work, plan, name, *more):
    return ["train", os.path.join(work, plan), "--data", os.path.join(work, "tokens.bin"), "--steps", STEPS,
            "--threads", 1, "--metrics", os.path.join(work, name + ".jsonl"), "--save", os.path.join(work, name), *more]


def compile_plan(work, plan, mesh):
    cleave("compile", os.path.join(work, "config.json"), "-o", os.path.join(work, plan), "--mesh", mesh, "--batch",
           processes_test.BATCH, "--seq", processes_test.SEQ, "--clip-norm", 1)


def run_on(scene, words):
    """Runs a command on host a; its exit code and what it said."""
    done = subprocess.run(scene.command("a", words), capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def check_hosts(checks, work, scene, where, told):
    plan = "square"
    words = command(["run", "-n", 4, "--hosts", where, *line(work, plan, "hosts")])
    code, text = run_on(scene, words)
    checks.check(code == 0 and told in text,
                 f"training on {where} ends well and says {told!r}: exit {code}, {text[-400:]}")
    checks.check(code == 0 and processes_test.results(work, "hosts") == processes_test.results(work, "one"),
                 f"hosts {where} give the losses and weights of one process")
    return text


def check_turns(checks, work, scene):
    """Where the launcher deals processes out in turns, those of a host still hold neighbouring ranks."""
    words = ["mpirun", "--allow-run-as-root", "-n", "4", "--host", "a:2,b:2", "--map-by", "node", "--bind-to", "none",
             "--mca", "mpi_yield_when_idle", "1", *command(line(work, "square", "turns"))]
    code, text = run_on(scene, words)
    checks.check(code == 0 and "hosts: a (ranks 0-1), b (ranks 2-3)" in text and
                 processes_test.results(work, "turns") == processes_test.results(work, "one"),
                 f"processes that are dealt out in turns are numbered host by host: {text[-400:]}")


def check_heavy_axis(checks, work, scene):
    compile_plan(work, "heavy", "model=4")
    code, text = run_on(scene, command(["run", "-n", 4, "--hosts", "a:2,b:2", *line(work, "heavy", "heavy.out")]))
    checks.check(code == 0 and "warning: axis \"model\" crosses hosts (ranks 0, 1, 2, 3 lie on a, b)" in text,
                 f"an axis of kind model across hosts is warned of: {text[-400:]}")


def check_cut(checks, work, scene):
    """The cable of host b is pulled while it trains."""
    path = os.path.join(work, "cut.jsonl")
    words = ["run", "-n", 2, "--hosts", "a:1,b:1", "train", os.path.join(work, "square"), "--data",
             os.path.join(work, "tokens.bin"), "--steps", 10**6, "--threads", 1, "--deadline", 10, "--metrics", path,
             "--flight-records", os.path.join(work, "flight")]
    with subprocess.Popen(scene.command("a", command(words)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True) as job:
        processes_test.await_lines(path, 3)
        scene.cut("b")
        try:
            text = job.communicate(timeout=30)[0]
        except subprocess.TimeoutExpired:
            job.kill()
            text = "hangs"
    told = json.loads(cleave("diagnose", os.path.join(work, "flight"), "--json"))
    checks.check(job.returncode != 0 and "on node b" in text,
                 f"a host that is cut off ends the run and is named: {text[-600:]}")
    checks.check({record["host"] for record in told["records"]} == {"a", "b"} and told["linked"] == [0, 1],
                 f"diagnose names the processes between which data are under way: {told['suspects']}, {told['linked']}")


def main():
    checks, work = Checks(), scratch()
    reason = hosts.obstacle(work)
    if reason:
        print(f"SKIPPED {reason}")
        checks.check(True, "hosts are left out")
        checks.finish()
    processes_test.write_inputs(work)
    compile_plan(work, "square", "data=2,model=2")
    cleave(*line(work, "square", "one"))
    scene = hosts.Hosts(["a", "b", "c", "d"], work, rate="1gbit")
    try:
        check_hosts(checks, work, scene, "a:2,b:2", "hosts: a (ranks 0-1), b (ranks 2-3)")
        check_hosts(checks, work, scene, "a:1,b:1,c:1,d:1", "hosts: a (rank 0), b (rank 1), c (rank 2), d (rank 3)")
        check_turns(checks, work, scene)
        check_heavy_axis(checks, work, scene)
        check_cut(checks, work, scene)
    finally:
        scene.close()
    checks.finish()


if __name__ == "__main__":
    main()
