"""Wheels work where they are installed, from any folder, and bring what they need.

Usage: wheel_test.py README TUTORIAL FIXTURE WHEEL... (numpy comes from the interpreter that runs the test)
"""

import os
import subprocess
import sys
import unittest

import support
import tutorial

README, TUTORIAL, FIXTURE, *WHEELS = (os.path.abspath(argument) for argument in sys.argv[1:])
del sys.argv[1:]

LEAN = """
import os, sys
import numpy as np
import cleave_runtime
plan = cleave_runtime.load_plan(sys.argv[1])
ids = np.zeros((4, 8), np.int32)
print(cleave_runtime.Trainer(plan).step({"input_ids": ids, "labels": ids}).loss)
"""
MAPPED = """
mapped = {line.split()[-1] for line in open("/proc/self/maps") if ".so" in line}
print(*sorted(mapped), sep="\\n")
"""
PLAN = """
import sys
import cleave
plan = cleave.compile(cleave.load(sys.argv[1]), batch=4, seq=8, mesh=cleave.Mesh(data=2))
plan.save(sys.argv[2])
"""


class WheelTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.folder = support.scratch()
        environment = os.path.join(cls.folder, "environment")
        subprocess.run(["/usr/bin/python3", "-m", "venv", "--system-site-packages", environment], check=True)
        cls.python = os.path.join(environment, "bin", "python")
        subprocess.run([cls.python, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", *WHEELS], check=True)

    def run_program(self, text, *arguments):
        """Runs a program in an empty folder, with nothing set that would help; gives what it prints."""
        done = subprocess.run([self.python, "-c", text, *arguments], cwd=support.scratch(), text=True,
                              capture_output=True, env={"PATH": "/usr/bin:/bin", "HOME": self.folder})
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def libraries(self, text, *arguments):
        """Names and folders of the shared libraries that a program has loaded at its end."""
        lines = self.run_program(text + MAPPED, *arguments).splitlines()
        return [os.path.split(line) for line in lines if line.startswith("/")]

    def test_the_package_brings_all_libraries_but_the_systems(self):
        plan = os.path.join(self.folder, "own.plan")
        loaded = self.libraries(PLAN, FIXTURE, plan)
        self.assertTrue(any("libMLIR" in name for _, name in loaded))
        for folder, name in loaded:
            if name.startswith(("libMLIR", "libLLVM", "libabsl", "libprotobuf", "libdnnl")):
                self.assertIn(os.path.join("site-packages", "cleave", "lib"), folder, name)

    def test_the_lean_package_runs_plans_without_mlir(self):
        plan = os.path.join(self.folder, "lean.plan")
        self.run_program(PLAN, FIXTURE, plan)
        names = [name for _, name in self.libraries(LEAN, plan)]
        self.assertTrue(any("libdnnl" in name for name in names))
        self.assertFalse([name for name in names if "MLIR" in name or "LLVM" in name])

    def test_the_examples_of_readme_and_tutorial_run_from_another_folder(self):
        for page in (README, TUTORIAL):
            self.assertIn("loss", self.run_program("\n".join(tutorial.blocks_of(page))))


if __name__ == "__main__":
    unittest.main()
