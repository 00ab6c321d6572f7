"""TensorBoard's own reader finds in event files what the metrics file has."""

import json
import os
import unittest

from support import Bytes, batches_of_bytes, scratch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import cleave


class Sized(Bytes):
    def loss(self, input_ids, labels):
        logits = self.logits(input_ids)
        return cleave.nn.cross_entropy(logits, labels), {"size": cleave.nn.abs(logits).mean()}


PLAN = cleave.compile(Sized(), batch=4, seq=8, mesh=cleave.Mesh(data=2))


def read(folder):
    """{tag: {step: value}}, as TensorBoard shows them."""
    events = EventAccumulator(folder, size_guidance={"scalars": 0})
    events.Reload()
    return {tag: {event.step: event.value for event in events.Scalars(tag)} for tag in events.Tags()["scalars"]}


class TensorBoardTest(unittest.TestCase):

    def assert_equal(self, shown, rows):
        """What is shown is what the metrics file's rows have, to the precision of a float."""
        for name, column in (("loss", "loss"), ("grad_norm", "grad_norm"), ("lr", "lr"), ("step_ms", "step_ms"),
                             ("tokens_per_s", "tokens_per_s"), ("eval_loss", "eval_loss")):
            expected = {row["step"]: row[column] for row in rows if column in row}
            self.assertEqual(shown[name].keys(), expected.keys(), name)
            for step, value in expected.items():
                self.assertAlmostEqual(shown[name][step], value, delta=1e-6 * abs(value), msg=name)
        for name in ("metrics", "eval_metrics"):
            expected = {row["step"]: row[name]["size"] for row in rows if name in row}
            self.assertEqual(shown[name + "/size"].keys(), expected.keys())
            for step, value in expected.items():
                self.assertAlmostEqual(shown[name + "/size"][step], value, delta=1e-6 * value)
        self.assertEqual(shown["peak_bytes"][1], max(rows[0]["peak_bytes"]))

    def test_it_reads_a_run_that_was_resumed(self):
        folder, checkpoints = scratch(), scratch()
        path, events = os.path.join(folder, "metrics.jsonl"), os.path.join(folder, "events")
        held_out = [next(batches_of_bytes())]
        options = {"metrics": path, "tensorboard": events, "progress": False, "eval_data": held_out, "eval_every": 4}
        first = cleave.Trainer(PLAN, data=batches_of_bytes())
        first.fit(5, checkpoint=checkpoints, **options)
        first.fit(9, **options)  # is lost
        cleave.Trainer(PLAN, data=batches_of_bytes(), resume=checkpoints).fit(12, **options)
        with open(path) as file:
            rows = [json.loads(line) for line in file]
        self.assertEqual([row["step"] for row in rows], list(range(1, 13)))
        self.assert_equal(read(events), rows)

    def test_a_run_that_begins_anew_takes_the_place_of_the_one_before(self):
        folder = scratch()
        path, events = os.path.join(folder, "metrics.jsonl"), os.path.join(folder, "events")
        for steps in (6, 3):
            cleave.Trainer(PLAN, data=batches_of_bytes(), seed=steps).fit(
                steps, metrics=path, tensorboard=events, eval_data=[next(batches_of_bytes())], progress=False)
        with open(path) as file:
            self.assert_equal(read(events), [json.loads(line) for line in file])


if __name__ == "__main__":
    unittest.main()
