#!/usr/bin/python3 -B
"""What no file of the tree may hold."""

import re
import unittest

from sources import files, is_code, text

LONGEST = 500
LONGEST_FUNCTION = 60
# What begins at the margin, ends in "{" and is no function.
NO_FUNCTION = re.compile(r"(namespace|class|struct|enum|union|extern|using|(static |inline )?const(expr)?)\b|[}#/]|\s")
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

    def test_no_function_is_longer_than_60_lines(self):
        found, functions = [], 0
        for path in files():
            if path.suffix not in (".cc", ".h") or path.parts[0] == "tests":
                continue  # tests hold tables of cases
            begin = None
            for number, line in enumerate(text(path).splitlines(), 1):
                if line.endswith("{") and not NO_FUNCTION.match(line):
                    begin = number
                elif line.startswith("}") and begin:
                    functions += 1
                    if number - begin >= LONGEST_FUNCTION:
                        found.append(f"{path}:{begin}: {number - begin + 1} lines")
                    begin = None
        self.assertGreater(functions, 300, "the scan found the functions")
        self.assertEqual("\n".join(found), "")

    def test_nothing_is_marked_as_unfinished(self):
        self.assertEqual(self.lines_with(UNFINISHED), "")

    def test_no_path_of_a_machine_stands_in_the_tree(self):
        self.assertEqual(self.lines_with(MACHINE_PATHS), "")


if __name__ == "__main__":
    unittest.main()
