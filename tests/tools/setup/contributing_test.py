#!/usr/bin/python3 -B
"""Follows CONTRIBUTING.md in a copy of the checkout: makes its edits, in its order, and runs its commands."""

import os
import pathlib
import pwd
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[3]

FENCED = r"\n+(?P<fence>````?)\w+\n(?P<block>.*?)(?P=fence)\n"
STEP = re.compile(
    r"^(?:Append to `(?P<append>[^`]+)`|Create `(?P<create>[^`]+)`|In `(?P<inside>[^`]+)`, below "
    r"`(?P<anchor>[^`]+)`|(?P<run>Run)):"
    + FENCED, re.MULTILINE | re.DOTALL)


def copy_of_checkout(folder):
    # What Bazel and Git keep beside the sources stays behind.
    ignored = shutil.ignore_patterns(".git", "bazel-*", "quickstart-out", "__pycache__")
    return pathlib.Path(shutil.copytree(SOURCE, folder / "checkout", symlinks=True, ignore=ignored))


def edit(checkout, step):
    """Makes one edit; an error names the file and what it lacks."""
    block = step["block"]
    path = checkout / (step["append"] or step["create"] or step["inside"])
    if step["create"]:
        if path.exists():
            raise AssertionError(f"{path} is there already")
        path.write_text(block)
        return
    text = path.read_text()
    if step["append"]:
        path.write_text(text + block)
        return
    anchor = step["anchor"] + "\n"
    if text.count(anchor) != 1:
        raise AssertionError(f"{step['inside']} requires one line {step['anchor']!r}, got {text.count(anchor)}")
    path.write_text(text.replace(anchor, anchor + block))


def run(checkout, outputs, command):
    """Runs a bazel command of the walk with outputs of its own; what the main build has made comes from the cache."""
    program, verb, *targets = shlex.split(command)
    if program != "bazel" or verb not in ("run", "test"):
        raise AssertionError(f"requires bazel run or bazel test, got {command}")
    environment = {"PATH": os.environ["PATH"], "HOME": pwd.getpwuid(os.getuid()).pw_dir}
    bazel = ["bazel", f"--output_base={outputs}"]
    flags = ["--symlink_prefix=/", "--noshow_progress", "--test_output=errors"]
    return subprocess.run([*bazel, verb, *flags, *targets], cwd=checkout, env=environment, stdin=subprocess.DEVNULL,
                          stdout=sys.stderr, check=False).returncode


class ContributingTest(unittest.TestCase):

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=os.environ.get("TEST_TMPDIR")))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.checkout = copy_of_checkout(self.folder)
        self.outputs = self.folder / "outputs"
        self.addCleanup(self.stop_server)

    def stop_server(self):
        subprocess.run(["bazel", f"--output_base={self.outputs}", "shutdown"], cwd=self.checkout, check=False,
                       env={"PATH": os.environ["PATH"], "HOME": pwd.getpwuid(os.getuid()).pw_dir})
        # Bazel writes its outputs without permission to write: give it back, so that they can be removed.
        subprocess.run(["chmod", "-R", "u+w", self.outputs], check=False)

    def test_the_walks_edits_build_and_their_tests_pass(self):
        steps = list(STEP.finditer((SOURCE / "CONTRIBUTING.md").read_text()))
        edits = [step for step in steps if not step["run"]]
        commands = [line for step in steps if step["run"] for line in step["block"].splitlines()]
        self.assertGreaterEqual(len(edits), 9)
        self.assertGreaterEqual(len(commands), 4)
        # All edits before all commands: both walks change headers that the whole compiler includes.
        for step in edits:
            edit(self.checkout, step)
        for command in commands:
            self.assertEqual(run(self.checkout, self.outputs, command), 0, command)


if __name__ == "__main__":
    unittest.main()
