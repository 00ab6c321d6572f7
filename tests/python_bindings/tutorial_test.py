"""The Python blocks of a page run one after the other, and print what their comments say.

Usage: tutorial_test.py PAGE
"""

import contextlib
import io
import os
import re
import sys
import unittest

import support
import tutorial

PAGE = os.path.abspath(sys.argv.pop(1))
EXPECTED = re.compile(r"^\s*print\(.*\)  # (?P<text>[\"(\d].*)$", re.MULTILINE)


class TutorialTest(unittest.TestCase):

    def test_blocks_run_and_print_what_they_say(self):
        blocks = tutorial.blocks_of(PAGE)
        self.assertTrue(blocks)
        os.chdir(support.scratch())
        names, printed = {"__name__": "tutorial"}, io.StringIO()
        with contextlib.redirect_stdout(printed):
            for number, block in enumerate(blocks):
                exec(compile(block, f"block {number}", "exec"), names)
        for match in EXPECTED.finditer("\n".join(blocks)):
            self.assertIn(match["text"], printed.getvalue())


if __name__ == "__main__":
    unittest.main()
