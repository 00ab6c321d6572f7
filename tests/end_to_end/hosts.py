"""Hosts for tests: network namespaces with links between them that have the speed of a network's.

A host is a process that holds a network and a host name of its own; all hang on one switch. They go with the test,
whatever ends it. mpirun reaches hosts by an agent in place of ssh, and finds one that is cut off within seconds. Needs
root, and a kernel that knows veth, bridges and the token bucket filter (tbf), and netem for delays: `obstacle()` says what
is missing.
"""

import os
import shlex
import subprocess

SWITCH = "switch"
os.environ["PATH"] += ":/usr/sbin:/sbin"  # of ip and tc


def run(*words):
    subprocess.run([str(word) for word in words], check=True, capture_output=True)


class Namespace:
    """A network and a host name; they end with the process that holds them, and that with its standard input."""

    def __init__(self, name):
        self.name = name
        hold = 'hostname "$0" && ip link set lo up && echo ready && exec cat'
        self.holder = subprocess.Popen(["unshare", "--net", "--uts", "sh", "-c", hold, name], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE)
        if self.holder.stdout.readline() != b"ready\n":
            raise OSError("unshare gives no network of its own")

    def enter(self):
        return ["nsenter", "--target", str(self.holder.pid), "--net", "--uts"]

    def run(self, *words):
        run(*self.enter(), *words)

    def close(self):
        self.holder.stdin.close()
        self.holder.wait()


class Hosts:
    """Hosts by name, each with one link to the switch. In both directions, as tc spells them: `rate` ("1gbit"), and
    `delay` of each packet ("500us"), or none."""

    def __init__(self, names, folder, rate=None, delay=None):
        self.switch = Namespace(SWITCH)
        self.hosts = {}
        self.switch.run("ip", "link", "add", "bridge", "type", "bridge")
        self.switch.run("ip", "link", "set", "bridge", "up")
        for number, name in enumerate(names):
            self.hosts[name] = Namespace(name)
            self.connect(name, number)
            self.shape(name, number, rate, delay)
        self.agent = os.path.join(folder, "agent")
        self.write_agent()

    def connect(self, name, number):
        host = self.hosts[name]
        port = f"port{number}"
        self.switch.run("ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", host.holder.pid)
        self.switch.run("ip", "link", "set", port, "master", "bridge", "up")
        host.run("ip", "address", "add", f"10.77.0.{number + 1}/24", "dev", "eth0")
        host.run("ip", "link", "set", "eth0", "up")

    def shape(self, name, number, rate, delay):
        for namespace, device in ((self.switch, f"port{number}"), (self.hosts[name], "eth0")):
            place = ["root"]
            if delay:
                namespace.run("tc", "qdisc", "add", "dev", device, "root", "handle", "1:", "netem", "delay", delay)
                place = ["parent", "1:1"]
            if rate:
                namespace.run("tc", "qdisc", "add", "dev", device, *place, "tbf", "rate", rate, "burst", "256kb",
                              "latency", "100ms")

    def write_agent(self):
        """What mpirun calls like ssh: AGENT HOST COMMAND."""
        lines = ["#!/bin/sh", "host=$1", "shift", "case $host in"]
        lines += [f"{name}) exec {shlex.join(host.enter())} sh -c \"$*\" ;;" for name, host in self.hosts.items()]
        with open(self.agent, "w") as out:
            out.write("\n".join(lines + ["esac", "exit 1", ""]))
        os.chmod(self.agent, 0o755)

    def command(self, name, words):
        """A command line that runs on a host."""
        settings = [f"OMPI_MCA_plm_rsh_agent={self.agent}", "OMPI_MCA_oob_tcp_keepalive_time=1",
                    "OMPI_MCA_oob_tcp_keepalive_intvl=1", "OMPI_MCA_oob_tcp_keepalive_probes=2"]
        return [*self.hosts[name].enter(), "env", *settings, *map(str, words)]

    def cut(self, name):
        self.hosts[name].run("ip", "link", "set", "eth0", "down")

    def close(self):
        for namespace in [*self.hosts.values(), self.switch]:
            namespace.close()


def obstacle(folder, delay=None):
    """Why there can be no hosts here, or none with such a delay; None: there can."""
    if os.geteuid() != 0:
        return "hosts require root"
    try:
        Hosts(["probe"], folder, "1gbit", delay).close()
    except subprocess.CalledProcessError as error:
        return f"{shlex.join(error.cmd)}: {error.stderr.decode().strip()}"
    except OSError as error:
        return str(error)
    return None
