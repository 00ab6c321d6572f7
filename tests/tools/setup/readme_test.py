#!/usr/bin/python3 -B
"""The README's model of one's own: its text compiles, and its commands run as they stand there."""

import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(os.environ.get("TEST_SRCDIR", ""), "cleave")
SECTION = re.compile(r"```mlir\n(?P<model>.*?)```\n\nWith this text as `(?P<name>[\w.]+)`:\n\n```sh\n(?P<commands>.*?)```", re.DOTALL)


class ReadmeTest(unittest.TestCase):

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=os.environ.get("TEST_TMPDIR")))
        self.addCleanup(shutil.rmtree, self.folder)

    def run_command(self, line):
        program, command, *arguments = shlex.split(line)
        self.assertEqual(program, "./cleave")
        binary = ROOT / "tools" / ("cleave-compile" if command == "compile" else "cleave-run")
        result = subprocess.run([binary, command, *arguments], cwd=self.folder, text=True, capture_output=True, check=False)
        self.assertEqual(result.returncode, 0, f"{line}\n{result.stderr}")
        return result.stdout

    def test_the_model_compiles_and_its_loss_falls(self):
        section = SECTION.search((ROOT / "README.md").read_text())
        self.assertIsNotNone(section)
        (self.folder / section["name"]).write_text(section["model"])
        shutil.copy(ROOT / "README.md", self.folder)
        for line in section["commands"].splitlines():
            self.run_command(line)
        losses = [json.loads(line)["loss"] for line in (self.folder / "bytes.jsonl").read_text().splitlines()]
        self.assertEqual(len(losses), 20)
        self.assertLess(losses[-1], losses[0])


if __name__ == "__main__":
    unittest.main()
