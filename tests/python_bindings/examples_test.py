"""An example of three functions trains on four CPU devices to what is said here.

Usage: examples_test.py EXAMPLE.py
"""

import importlib.util
import os
import sys
import unittest

PATH = os.path.abspath(sys.argv.pop(1))

# (figure, what it must be below or above). Letters by their frequency alone take 4.5 bits a byte; a guess gets a tenth
# of the digits; the mean of a sinusoid's values is off by the variance.
QUALITY = {
    "causal_lm": ("bits a byte", "below", 3.4),
    "sequence_to_sequence": ("letters right", "above", 0.75),
    "image_classifier": ("accuracy", "above", 0.95),
    "meta_learning": ("error of variance", "below", 0.4),
}


class ExamplesTest(unittest.TestCase):

    def test_the_example_trains_to_its_quality(self):
        name = os.path.splitext(os.path.basename(PATH))[0]
        spec = importlib.util.spec_from_file_location(name, PATH)
        example = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(example)
        figure, side, limit = QUALITY[name]
        seen = example.main()[figure]
        (self.assertLess if side == "below" else self.assertGreater)(seen, limit, figure)

    def test_it_is_shorter_than_60_lines(self):
        with open(PATH) as file:
            self.assertLess(len(file.readlines()), 60)


if __name__ == "__main__":
    unittest.main()
