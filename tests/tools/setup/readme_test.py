#!/usr/bin/python3 -B
"""What the README says: its model compiles, its commands run as they stand there, its formula of tflops holds."""

import array
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
SECTION = re.compile(r"```mlir\n(?P<model>.*?)```\n\nWith this text as `(?P<name>[\w.]+)`:\n\n"
                     r"```sh\n(?P<commands>.*?)```", re.DOTALL)


class ReadmeTest(unittest.TestCase):

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=os.environ.get("TEST_TMPDIR")))
        self.addCleanup(shutil.rmtree, self.folder)

    def run_command(self, line):
        program, command, *arguments = shlex.split(line)
        self.assertEqual(program, "./cleave")
        binary = ROOT / "tools" / ("cleave-compile" if command == "compile" else "cleave-run")
        result = subprocess.run([binary, command, *arguments], cwd=self.folder, text=True, capture_output=True,
                                check=False)
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

    def test_tflops_follow_the_formula(self):
        batch, length, width, layers, vocabulary = 4, 8, 16, 2, 32
        config = {"model_type": "gpt2", "vocab_size": vocabulary, "n_positions": length, "n_embd": width,
                  "n_layer": layers, "n_head": 2}
        (self.folder / "config.json").write_text(json.dumps(config))
        (self.folder / "tokens.bin").write_bytes(array.array("H", range(vocabulary)).tobytes() * 100)
        sizes = f"--batch {batch} --seq {length}"
        self.run_command(f"./cleave compile config.json -o tiny.plan --mesh data=2,model=2 {sizes}")
        self.run_command("./cleave train tiny.plan --data tokens.bin --steps 2 --metrics tiny.jsonl")
        tokens = batch * length
        # q, k, v and the output; up and down, four times as wide; the vocabulary.
        products = layers * (4 + 2 * 4) * 2 * tokens * width**2 + 2 * tokens * width * vocabulary
        attention = layers * 4 * batch * length * length * width / 2
        needed = 3 * products + 3.5 * attention
        for line in (self.folder / "tiny.jsonl").read_text().splitlines():
            row = json.loads(line)
            self.assertAlmostEqual(row["tflops"] * 1e12 * row["step_ms"] / 1000 / needed, 1, delta=2e-3)


if __name__ == "__main__":
    unittest.main()
