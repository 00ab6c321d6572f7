"""What notebooks, terminals and browsers show of plans, placements and runs."""

import os
import re
import unittest
from xml.etree import ElementTree

from support import Bytes, batches_of_bytes, scratch

import cleave

MESH = cleave.Mesh(data=2, model=2)
SVG = "{http://www.w3.org/2000/svg}"

COLUMNS = """\
6x8  (data B, model S(1))
       model 0        model 1
data 0 ┌────────────┐ ┌────────────┐
       │██████······│ │······██████│
       │██████······│ │······██████│
       │██████······│ │······██████│
       │██████······│ │······██████│
       └0───────────┘ └1───────────┘
data 1 ┌────────────┐ ┌────────────┐
       │██████······│ │······██████│
       │██████······│ │······██████│
       │██████······│ │······██████│
       │██████······│ │······██████│
       └2───────────┘ └3───────────┘
█ held   · elsewhere
"""


def parsed(markup):
    """The tree of a page or a part, which must be well-formed and need nothing from elsewhere."""
    text = markup.removeprefix("<!DOCTYPE html>\n")
    tree = ElementTree.fromstring(text)
    tags = {element.tag.removeprefix(SVG) for element in tree.iter()}
    assert not tags & {"script", "link", "img", "iframe", "object", "image", "use"}, tags
    elsewhere = re.findall(r"""(?:https?:|@import|url\(|src=|href=)\S*""", text)
    assert set(elsewhere) <= {'http://www.w3.org/2000/svg"'}, elsewhere
    return tree


def texts(tree, tag):
    return ["".join(element.itertext()) for element in tree.iter(tag)]


class LookingTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.plan = cleave.compile(Bytes(), mesh=MESH, batch=4, seq=8)

    def test_a_placement_is_drawn_as_boxes(self):
        drawing = cleave.draw((6, 8), MESH, model=cleave.S(1))
        self.assertEqual(str(drawing), COLUMNS)
        held = [element for element in parsed(drawing._repr_html_()).iter(SVG + "rect") if element.get("class") == "held"]
        self.assertEqual([(float(box.get("width")), float(box.get("height"))) for box in held], [(56, 64)] * 4)

    def test_a_parameter_lies_as_its_plan_says(self):
        self.assertEqual(self.plan.parameters["mlp.down.weight"][1], ("B", "S(1)"))
        self.assertEqual(str(self.plan.draw("mlp.down.weight")).splitlines()[1:], COLUMNS.splitlines()[1:])
        titles = texts(parsed(self.plan.draw("mlp.down.weight").svg), SVG + "title")
        self.assertEqual(titles[0], "mlp.down.weight  16x64 f32  (data B, model S(1))")

    def test_the_whole_and_parts_to_sum_have_other_marks(self):
        self.assertIn("▒", str(cleave.draw((4,), MESH, data=cleave.P())))
        self.assertNotIn("·", str(cleave.draw((4,), MESH)).rsplit("\n", 2)[0])
        self.assertIn("scalar", str(cleave.draw((), MESH)))

    def test_the_explanation_is_that_of_the_command_line(self):
        text, data = self.plan.explain(), self.plan.explanation
        self.assertEqual(data["mesh"], {"data": 2, "model": 2})
        self.assertTrue(data["collectives"])
        for name in self.plan.parameters:
            self.assertIn(name, text)

    def test_a_plan_is_shown_with_its_blocks_and_what_moves(self):
        page = os.path.join(scratch(), "plan.html")
        self.plan.visualize().save(page)
        with open(page, encoding="utf-8") as file:
            document = parsed(file.read())
        for tree in (document, parsed(self.plan.visualize()._repr_html_())):
            names = texts(tree, "td")
            self.assertLessEqual(set(self.plan.parameters), set(names))
            moves = [name for name in names if name.startswith("⇄")]
            forward = [each for each in self.plan.explanation["collectives"] if each["phase"] == "forward"]
            self.assertEqual(len(moves), len(forward))
        self.assertTrue(texts(document, "title")[0].startswith("Bytes"))
        short = parsed(self.plan._repr_html_())
        self.assertEqual(texts(short, "h1"), ["Bytes"])
        self.assertNotIn("table.weight", texts(short, "td"))

    def test_placements_tensors_and_parameters_show_what_they_are(self):
        self.assertIn("split along dimension 1", "".join(parsed(cleave.S(1)._repr_html_()).itertext()))
        self.assertIn("each device holds the whole", "".join(parsed(cleave.B._repr_html_()).itertext()))
        self.assertIn("the max over the devices", "".join(parsed(cleave.P("max")._repr_html_()).itertext()))
        shown = []

        class Shown(Bytes):
            def logits(self, input_ids):
                shown.extend([parsed(input_ids._repr_html_()), parsed(self.head.weight._repr_html_())])
                return super().logits(input_ids)

        cleave.compile(Shown(), batch=4, seq=8)
        self.assertIn("input_ids 4 × 8 int32", "".join(shown[0].itertext()))
        self.assertIn("head.weight 64 × 16 float32", "".join(shown[1].itertext()))

    def test_a_report_shows_what_the_steps_told(self):
        folder = scratch()
        told = []
        with cleave.Trainer(self.plan, data=batches_of_bytes(), trace=True) as trainer:
            trainer.fit(12, progress=False, report=os.path.join(folder, "fit.html"))
            told.append(trainer.step(next(batches_of_bytes())))
            trainer.report(os.path.join(folder, "report.html"))
        with open(os.path.join(folder, "report.html"), encoding="utf-8") as file:
            tree = parsed(file.read())
        titles = texts(tree, SVG + "title")
        self.assertIn(f"step 13\nloss: {told[0].loss:.4g}", titles)
        self.assertEqual(len([title for title in titles if re.match(r"step \d+\nloss: ", title)]), 13)
        self.assertEqual([title for title in titles if title.endswith(" bytes")],
                         [f"{bytes_} bytes" for bytes_ in told[0].peak_bytes])
        self.assertIn("Timeline of the last step", texts(tree, "h2"))
        self.assertTrue(any("backward" in title for title in titles), "the timeline has tasks")
        with open(os.path.join(folder, "fit.html"), encoding="utf-8") as file:
            self.assertEqual(len([title for title in texts(parsed(file.read()), SVG + "title")
                                  if re.match(r"step \d+\nloss: ", title)]), 12)

    def test_a_run_without_a_trace_has_no_timeline(self):
        page = os.path.join(scratch(), "report.html")
        trainer = cleave.Trainer(self.plan, data=batches_of_bytes())
        trainer.fit(2, progress=False, report=page)
        with open(page, encoding="utf-8") as file:
            self.assertNotIn("Timeline of the last step", texts(parsed(file.read()), "h2"))


if __name__ == "__main__":
    unittest.main()
