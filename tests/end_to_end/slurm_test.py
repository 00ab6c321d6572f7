"""A real Slurm, slurmctld and a slurmd on each of two hosts, starts a plan by srun: losses and weights are those of one
process.

The hosts are network namespaces; counted as skipped where these or Slurm are not to be had.
"""

import os
import shutil
import subprocess
import tempfile
import time

import hosts
import processes_test
from driver import Checks, cleave, command, scratch
from hosts_test import compile_plan, line

NAMES = ["a", "b"]
DAEMONS = ("munged", "slurmctld", "slurmd")
PMIX = "/usr/lib/x86_64-linux-gnu/pmix2/lib/libpmix.so"  # where Slurm looks for it, of libpmix-dev
# No cgroups, no accounting, no state of an earlier run: what is left is the scheduler and its steps.
SETTINGS = """
ClusterName=test
SlurmctldHost=a(10.77.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={work}/munge.socket
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SwitchType=switch/none
ReturnToService=2
StateSaveLocation={work}/state
TmpFS={work}/tmp-%n
SlurmdSpoolDir={work}/spool-%n
SlurmctldPidFile={work}/slurmctld.pid
SlurmdPidFile={work}/slurmd-%n.pid
SlurmctldLogFile={work}/slurmctld.log
SlurmdLogFile={work}/slurmd-%n.log
KillWait=2
NodeName=a NodeAddr=10.77.0.1 CPUs=2 State=UNKNOWN
NodeName=b NodeAddr=10.77.0.2 CPUs=2 State=UNKNOWN
PartitionName=all Nodes=a,b Default=YES MaxTime=INFINITE OverSubscribe=FORCE:4 State=UP
"""


class Slurm:
    """Daemons in the foreground, as children: they go with the test. So does their folder, with a short path: sockets
    lie there."""

    def __init__(self, scene):
        self.scene, self.daemons = scene, []
        self.work = work = tempfile.mkdtemp(dir="/tmp")
        os.chmod(work, 0o755)
        for folder in ("state", *(f"tmp-{name}" for name in NAMES)):
            os.mkdir(os.path.join(work, folder))
        with open(os.path.join(work, "slurm.conf"), "w") as out:
            out.write(SETTINGS.format(work=work))
        with open(os.path.join(work, "munge.key"), "wb") as out:
            out.write(os.urandom(1024))
        os.chmod(os.path.join(work, "munge.key"), 0o400)
        munge = {name: os.path.join(work, f"munge.{name}") for name in ("socket", "key", "pid", "log", "seed")}
        self.start("a", ["munged", "--foreground", "--force", f"--socket={munge['socket']}",
                         f"--key-file={munge['key']}", f"--pid-file={munge['pid']}", f"--log-file={munge['log']}",
                         f"--seed-file={munge['seed']}"])
        self.start("a", ["slurmctld", "-D", "-f", os.path.join(work, "slurm.conf")])
        for name in NAMES:
            self.start(name, ["slurmd", "-D", "-N", name, "-f", os.path.join(work, "slurm.conf")])

    def environment(self):
        return {**os.environ, "SLURM_CONF": os.path.join(self.work, "slurm.conf")}

    def start(self, host, words):
        with open(os.path.join(self.work, f"{words[0]}-{host}.out"), "w") as out:
            self.daemons.append(subprocess.Popen(self.scene.hosts[host].enter() + words, env=self.environment(),
                                                 stdout=out, stderr=subprocess.STDOUT))

    def run(self, words):
        done = subprocess.run(self.scene.command("a", words), env=self.environment(), capture_output=True, text=True,
                              timeout=120)
        return done.returncode, done.stdout + done.stderr

    def await_nodes(self, seconds=30):
        """Whether all nodes are idle within that time; what was seen last."""
        end, seen = time.monotonic() + seconds, ""
        while time.monotonic() < end:
            seen = self.run(["sinfo", "-h", "-o", "%t %D"])[1].strip()
            if seen == f"idle {len(NAMES)}":
                return True, seen
            time.sleep(0.2)
        return False, seen

    def close(self):
        for daemon in reversed(self.daemons):
            daemon.terminate()
        for daemon in self.daemons:
            daemon.wait()
        shutil.rmtree(self.work)


def obstacle(work):
    missing = [needed for needed in DAEMONS if not shutil.which(needed)] + [PMIX] * (not os.path.exists(PMIX))
    return f"requires {', '.join(missing)}" if missing else hosts.obstacle(work)


def check_steps(checks, work, slurm):
    for name, told, distribution in (("block", "Slurm: process 0 of 4", "block"), ("turns", "b (ranks 2-3)", "cyclic")):
        code, text = slurm.run(["srun", "--mpi=pmix", "-N2", "-n4", f"--distribution={distribution}",
                                *command(line(work, "square", name))])
        checks.check(code == 0 and told in text,
                     f"srun ({distribution}) ends well and says {told!r}: exit {code}, {text[-600:]}")
        checks.check(code == 0 and processes_test.results(work, name) == processes_test.results(work, "one"),
                     f"srun ({distribution}) gives the losses and weights of one process")


def check_without_pmix(checks, work, slurm):
    """Without a way for Open MPI to find its peers, what to do is said."""
    code, text = slurm.run(["srun", "--mpi=none", "-N2", "-n4", *command(line(work, "square", "none"))])
    checks.check(code != 0 and "--mpi=pmix" in text,
                 f"srun without PMIx says what is missing: exit {code}, {text[-600:]}")


def main():
    checks, work = Checks(), scratch()
    reason = obstacle(work)
    if reason:
        print(f"SKIPPED {reason}")
        checks.check(True, "Slurm is left out")
        checks.finish()
    processes_test.write_inputs(work)
    compile_plan(work, "square", "data=2,model=2")
    cleave(*line(work, "square", "one"))
    scene = hosts.Hosts(NAMES, work)
    slurm = Slurm(scene)
    try:
        are_there, seen = slurm.await_nodes()
        checks.check(are_there, f"both nodes are there: {seen}")
        if are_there:
            check_steps(checks, work, slurm)
            check_without_pmix(checks, work, slurm)
    finally:
        slurm.close()
        scene.close()
    checks.finish()


if __name__ == "__main__":
    main()
