#!/usr/bin/python3
"""Counts the tests of a Bazel run: summarize_tests.py EXIT_CODE EVENTS.json...

EVENTS.json is what `bazel test --build_event_json_file` writes. A GoogleTest case, a lit file and a Python unit test
count as one each; any other target counts as one. A target that was not built, or ended without a verdict, is one
failure. What failed goes to stderr; the last line of stdout is "N passed, N failed". Exits with 0 if nothing failed
and EXIT_CODE is 0.
"""

import collections
import json
import re
import sys
import urllib.parse
import xml.etree.ElementTree

Count = collections.namedtuple("Count", ["passed", "failed"])

LIT_LINE = re.compile(r"^(PASS|XFAIL|FAIL|XPASS|UNRESOLVED|TIMEOUT): .* \(\d+ of \d+\)$", re.MULTILINE)
LIT_PASSED = ("PASS", "XFAIL")
UNITTEST_END = re.compile(r"^Ran (\d+) tests? in [\d.]+s\n\n(?:OK|FAILED)(?: \((.*)\))?$", re.MULTILINE)


def read_uri(outputs, name):
    """The text of one output of a test action, or None."""
    for output in outputs:
        if output.get("name") == name and output.get("uri", "").startswith("file://"):
            path = urllib.parse.unquote(urllib.parse.urlparse(output["uri"]).path)
            try:
                with open(path, encoding="utf-8", errors="replace") as file:
                    return file.read()
            except OSError:
                return None
    return None


def count_gtest(text):
    """Cases of a GoogleTest report, or None where the report is Bazel's own. Skipped cases do not count."""
    try:
        report = xml.etree.ElementTree.fromstring(text or "")
    except xml.etree.ElementTree.ParseError:
        return None
    cases = [case for case in report.iter("testcase") if case.get("result")]
    if not cases:
        return None
    run = [case for case in cases if case.get("result") == "completed"]
    failed = sum(1 for case in run if case.find("failure") is not None or case.find("error") is not None)
    return Count(len(run) - failed, failed)


def count_lit(text):
    verdicts = LIT_LINE.findall(text or "")
    if not verdicts:
        return None
    passed = sum(1 for verdict in verdicts if verdict in LIT_PASSED)
    return Count(passed, len(verdicts) - passed)


def count_unittest(text):
    ends = UNITTEST_END.findall(text or "")
    if not ends:
        return None
    total = sum(int(end[0]) for end in ends)
    other = collections.Counter()
    for _, details in ends:
        for kind, number in re.findall(r"(\w+)=(\d+)", details):
            other[kind] += int(number)
    failed = other["failures"] + other["errors"]
    return Count(total - failed - other["skipped"], failed)


def count_target(passed, outputs):
    """Cases of one test target with the verdict that Bazel gave."""
    log = read_uri(outputs, "test.log")
    count = count_gtest(read_uri(outputs, "test.xml")) or count_lit(log) or count_unittest(log)
    if count is None:
        count = Count(int(passed), int(not passed))
    if not passed and count.failed == 0:
        count = Count(count.passed, 1)
    return count


def read_events(path):
    """For each target of one run: (passed, outputs of its test action). Builds that failed have no outputs."""
    targets = {}
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.readlines()
    except OSError:
        return targets
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue  # the last line of a run that was cut off
        identity = event.get("id", {})
        if "testResult" in identity and "testResult" in event:
            result = event["testResult"]
            label = identity["testResult"]["label"]
            passed = result.get("status") == "PASSED"
            targets[label] = (passed, result.get("testActionOutput", []))
        elif "targetCompleted" in identity:
            label = identity["targetCompleted"]["label"]
            if not event.get("completed", {}).get("success", False):
                targets.setdefault(label, (False, []))
    return targets


def main(arguments):
    exit_code, paths = int(arguments[0]), arguments[1:]
    passed = failed = 0
    for path in paths:
        for label, (target_passed, outputs) in sorted(read_events(path).items()):
            count = count_target(target_passed, outputs)
            passed += count.passed
            failed += count.failed
            if count.failed:
                print(f"cleave: {label} failed" if outputs else f"cleave: {label} was not built", file=sys.stderr)
    if exit_code != 0 and failed == 0:
        print(f"cleave: Bazel ended with {exit_code}, and no test says why", file=sys.stderr)
        failed = 1
    print(f"{passed} passed, {failed} failed", flush=True)
    return 0 if failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
