#!/usr/bin/python3 -B
"""The last line of ./cleave test, from events as Bazel writes them."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

PROGRAM = pathlib.Path(__file__).resolve().parents[3] / "tools/setup/summarize_tests.py"

GTEST = """<?xml version="1.0" encoding="UTF-8"?><testsuites tests="4"><testsuite name="S">
<testcase name="a" status="run" result="completed"/>
<testcase name="b" status="run" result="completed"><failure message="no"/></testcase>
<testcase name="c" status="run" result="skipped"><skipped/></testcase>
<testcase name="d" status="notrun" result="suppressed"/></testsuite></testsuites>"""
PLAIN = '<testsuites><testsuite name="t" tests="1"><testcase name="t" status="run"/></testsuite></testsuites>'
LIT = "-- Testing: 2 tests --\nPASS: cleave :: a.mlir (1 of 2)\nFAIL: cleave :: b.mlir (2 of 2)\n"
UNITTEST = "...\n" + "-" * 70 + "\nRan 5 tests in 0.100s\n\nFAILED (failures=1, errors=1, skipped=1)\n"


class SummaryTest(unittest.TestCase):

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=os.environ.get("TEST_TMPDIR")))
        self.events = []

    def add_result(self, label, status, xml="", log=""):
        outputs = []
        for name, text in (("test.xml", xml), ("test.log", log)):
            path = self.folder / f"{label.strip('/:').replace(':', '_')} {name}"
            path.write_text(text)
            outputs.append({"name": name, "uri": path.absolute().as_uri()})
        self.events.append({"id": {"testResult": {"label": label}},
                            "testResult": {"status": status, "testActionOutput": outputs}})

    def add_target(self, label, success):
        completed = {"success": True} if success else {}
        self.events.append({"id": {"targetCompleted": {"label": label}}, "completed": completed})

    def summary(self, exit_code=0, tail=""):
        path = self.folder / "events.json"
        path.write_text("".join(json.dumps(event) + "\n" for event in self.events) + tail)
        return subprocess.run([PROGRAM, str(exit_code), path], text=True, capture_output=True, check=False)

    def test_cases_of_googletest_count_one_each_and_skipped_ones_not_at_all(self):
        self.add_result("//a:t", "FAILED", xml=GTEST)
        result = self.summary(3)
        self.assertEqual((result.stdout, result.returncode), ("1 passed, 1 failed\n", 1))
        self.assertIn("//a:t failed", result.stderr)

    def test_lit_files_count_one_each(self):
        self.add_result("//a:t", "FAILED", xml=PLAIN, log=LIT)
        self.assertEqual(self.summary(3).stdout, "1 passed, 1 failed\n")

    def test_python_unit_tests_count_one_each(self):
        self.add_result("//a:t", "FAILED", xml=PLAIN, log=UNITTEST)
        self.assertEqual(self.summary(3).stdout, "2 passed, 2 failed\n")

    def test_another_target_counts_as_one(self):
        self.add_result("//a:t", "PASSED", xml=PLAIN, log="fine\n")
        self.add_target("//a:t", True)
        self.assertEqual(self.summary().stdout, "1 passed, 0 failed\n")

    def test_a_target_that_died_without_a_failed_case_is_one_failure(self):
        self.add_result("//a:t", "TIMEOUT", xml=GTEST.replace('<failure message="no"/>', ""))
        self.assertEqual(self.summary(3).stdout, "2 passed, 1 failed\n")

    def test_a_target_that_was_not_built_is_one_failure(self):
        self.add_result("//a:t", "PASSED", xml=PLAIN)
        self.add_target("//a:broken", False)
        result = self.summary(1)
        self.assertEqual((result.stdout, result.returncode), ("1 passed, 1 failed\n", 1))
        self.assertIn("//a:broken was not built", result.stderr)

    def test_an_exit_code_without_a_failed_test_is_one_failure(self):
        self.add_result("//a:t", "PASSED", xml=PLAIN)
        self.assertEqual(self.summary(8).stdout, "1 passed, 1 failed\n")

    def test_events_that_were_cut_off_are_read_as_far_as_they_go(self):
        self.add_result("//a:t", "PASSED", xml=PLAIN)
        self.assertEqual(self.summary(tail='{"id": {"testRes').stdout, "1 passed, 0 failed\n")


if __name__ == "__main__":
    unittest.main()
