#!/usr/bin/python3 -B
"""What no file of the tree may hold."""

import re
import unittest

from sources import files, is_code, text

LONGEST = 500
# Written in pieces, so that this file does not hold what it looks for.
UNFINISHED = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")
MACHINE_PATHS = re.compile("/(?:" + "|".join(("work", "farm", "root", "home", "Users")) + r")/\w")


def is_text(path):
    return is_code(path) or path.suffix in (".md", ".mlir", ".json", ".in")


class FilesTest(unittest.TestCase):

    def lines_with(self, pattern):
        found = []
        for path in files():
            if is_text(path):
                lines = enumerate(text(path).splitlines(), 1)
                found += [f"{path}:{number}: {line.strip()[:80]}" for number, line in lines if pattern.search(line)]
        return "\n".join(found)

    def test_no_source_is_longer_than_500_lines(self):
        lengths = {str(path): text(path).count("\n") for path in files() if is_code(path)}
        self.assertGreater(len(lengths), 100, "the scan found the sources")
        self.assertEqual({path: length for path, length in lengths.items() if length >= LONGEST}, {})

    def test_nothing_is_marked_as_unfinished(self):
        self.assertEqual(self.lines_with(UNFINISHED), "")

    def test_no_path_of_a_machine_stands_in_the_tree(self):
        self.assertEqual(self.lines_with(MACHINE_PATHS), "")


if __name__ == "__main__":
    unittest.main()
