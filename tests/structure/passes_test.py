#!/usr/bin/python3 -B
"""One stem, four places: a pass's source, class, flag and lit test; and how it is declared."""

import re
import unittest

from sources import files, text

DECLARATION = re.compile(r'^def (\w+) : (?:InterfacePass|Pass)<"([\w-]+)"(.*?)^}', re.MULTILINE | re.DOTALL)

BEFORE_AND_AFTER = re.compile(
    r"Before:\s+```mlir.*?```.*?After:\s+```mlir.*?```|before and after are the same:\s+```mlir.*?```", re.DOTALL)


def passes():
    """(class, flag, body) of each pass that passes/passes.td declares, itself or by what it includes."""
    whole = text("passes/passes.td")
    parts = [text(path) for path in re.findall(r'^include "(passes/[^"]+)"$', whole, re.MULTILINE)]
    return [match.groups() for part in [whole, *parts] for match in DECLARATION.finditer(part)]


def stem_of(flag):
    return flag[len("cleave-"):].replace("-", "_")


class PassesTest(unittest.TestCase):

    def setUp(self):
        self.files = [str(path) for path in files()]

    def only_file(self, pattern):
        found = [path for path in self.files if re.fullmatch(pattern, path)]
        return found[0] if len(found) == 1 else None

    def test_class_and_flag_have_one_stem(self):
        self.assertGreater(len(passes()), 5, "the scan found the declarations")
        for name, flag, _ in passes():
            camel = "".join(word.capitalize() for word in stem_of(flag).split("_"))
            self.assertEqual(name, camel + "Pass", f"of --{flag}")

    def test_every_pass_is_one_source_file_of_its_stem(self):
        missing = [flag for _, flag, _ in passes() if not self.only_file(rf"passes/(?:\w+/)?{stem_of(flag)}\.cc")]
        self.assertEqual(missing, [], "passes without passes/PHASE/STEM.cc")

    def test_every_pass_has_a_lit_test_of_its_stem_that_runs_it(self):
        for _, flag, _ in passes():
            test = self.only_file(rf"tests/passes/(?:\w+/)?{stem_of(flag)}\.mlir")
            self.assertIsNotNone(test, f"--{flag} requires tests/passes/PHASE/{stem_of(flag)}.mlir")
            runs = re.findall(r"^// RUN: (.*)$", text(test), re.MULTILINE)
            self.assertEqual(len(runs), 1, f"{test} requires one RUN line")
            self.assertIn(flag, runs[0], f"{test} requires a RUN line with its pass")

    def test_every_pass_is_declared_with_the_ir_before_and_after(self):
        for _, flag, body in passes():
            self.assertRegex(body, r"let summary = ", f"of --{flag}")
            self.assertRegex(body, BEFORE_AND_AFTER, f"description of --{flag}")

    def test_every_lit_test_is_run(self):
        folders = {path.rsplit("/",
                               1)[0] for path in self.files if path.startswith("tests/") and path.endswith(".mlir")}
        for folder in sorted(folders):
            self.assertIn(f"{folder}/BUILD", self.files)
            self.assertIn('glob(["*.mlir"]', text(f"{folder}/BUILD"), f"{folder}/BUILD requires its lit tests")


if __name__ == "__main__":
    unittest.main()
