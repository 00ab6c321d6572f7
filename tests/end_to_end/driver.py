"""Runs the driver's programs for the end-to-end tests, as a user would."""

import json
import os
import subprocess
import sys
import tempfile

COMPILE = os.path.abspath(os.environ.get("CLEAVE_COMPILE", "tools/cleave-compile"))
RUN = os.path.abspath(os.environ.get("CLEAVE_RUN", "tools/cleave-run"))


def command(arguments):
    """The program of a subcommand, with its arguments; numbers and paths become strings."""
    arguments = [str(argument) for argument in arguments]
    return [COMPILE if arguments[0] == "compile" else RUN] + arguments


def cleave(*arguments, expect=0):
    """Runs one subcommand and gives its stdout; ends the test if the exit code is another than expected."""
    done = subprocess.run(command(arguments), capture_output=True, text=True)
    if done.returncode != expect:
        line = " ".join(map(str, arguments))
        sys.exit(f"cleave {line}\nexit {done.returncode}, expected {expect}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def scratch():
    """A folder that goes with the test."""
    return tempfile.mkdtemp(dir=os.environ.get("TEST_TMPDIR"))


def metrics(path):
    with open(path) as lines:
        return [json.loads(line) for line in lines]


def relative(seen, expected):
    """Difference relative to the expected figure; absolute where that is 0."""
    return abs(seen - expected) / (abs(expected) or 1)


class Checks:
    """Counts what was checked; prints the closing line that tests are counted by."""

    def __init__(self):
        self.passed = self.failed = 0

    def check(self, holds, sentence):
        self.passed += bool(holds)
        self.failed += not holds
        print(("PASS " if holds else "FAIL ") + sentence, flush=True)

    def finish(self):
        print(f"{self.passed} passed, {self.failed} failed")
        sys.exit(1 if self.failed or not self.passed else 0)
