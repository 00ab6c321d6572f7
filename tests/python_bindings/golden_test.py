"""The language models of cleave.models are those that C++ builds, and follow PyTorch.

Usage: golden_test.py FIXTURE_FOLDER
"""

import os
import sys
import unittest

import numpy as np
from support import Fixture, distance, relative, scratch, tensors_of

import cleave
from cleave import _core, compiling

FOLDER = sys.argv.pop(1)
TOLERANCE = 1e-5  # relative
# Besides input_ids, what a family's logits take.
MASKED = {"bert": ("attention_mask", "token_type_ids"), "t5": ("attention_mask", "labels")}


class GoldenTest(unittest.TestCase):

    def setUp(self):
        self.fixture = Fixture(FOLDER)
        self.golden = self.fixture.golden
        self.model = cleave.load(FOLDER)

    def compile(self, mesh, **options):
        return cleave.compile(self.model, mesh=mesh, optimizer=self.fixture.optimizer(),
                              clip_norm=self.golden["clip_norm"], **self.fixture.sizes(), **options)

    def test_the_plan_is_that_of_the_model_that_cpp_builds(self):
        sizes = self.fixture.sizes()
        with open(os.path.join(FOLDER, "config.json")) as file:
            text = file.read()
        built = _core.build_config(text, "config.json", *sizes.values())
        request = _core.CompileRequest()
        request.training = compiling._options(cleave.AdamW(3e-4), (), (), tuple(sizes.values()), 1, None)
        for mesh in (cleave.Mesh(data=1), cleave.Mesh(data=2, model=2)):
            expected = _core.Plan.from_bytes(built.compile(mesh.axes, request, "", "")[0])
            plan = cleave.compile(self.model, mesh=mesh, optimizer=cleave.AdamW(3e-4), **sizes)
            self.assertEqual(plan.hash, expected.hash)

    def test_losses_and_gradient_norms_follow_pytorch(self):
        trainer = cleave.Trainer(self.compile(cleave.Mesh(data=2, model=2)), threads=1)
        for batch, loss, norm in zip(self.fixture.batches(), self.golden["loss"], self.golden["grad_norm"]):
            metrics = trainer.step(batch)
            self.assertLessEqual(relative(metrics.loss, loss), TOLERANCE, f"loss of step {metrics.step}")
            self.assertLessEqual(relative(metrics.grad_norm, norm), TOLERANCE, f"norm of step {metrics.step}")
        self.assertEqual(trainer.steps, len(self.golden["loss"]))

    def test_logits_are_pytorchs(self):
        batch, takes = next(self.fixture.batches()), ["input_ids", *MASKED.get(self.model.model_type, ())]
        logits = self.model.predict(**{name: batch[name] for name in takes if name in batch})
        self.assertLessEqual(distance(logits, self.fixture.tensors["logits"]), TOLERANCE)

    def test_weights_after_training_are_pytorchs(self):
        trained = {name.removeprefix("trained."): tensor for name, tensor in self.fixture.tensors.items()
                   if name.startswith("trained.")}
        if not trained:
            self.assertNotEqual(self.golden.get("optimizer", "adamw"), "sgd")
            return
        with cleave.Trainer(self.compile(cleave.Mesh(data=2, model=2)), threads=1) as trainer:
            for batch, _ in zip(self.fixture.batches(), self.golden["loss"]):
                trainer.step(batch)
            folder = scratch()
            trainer.save(folder)
        saved = tensors_of(os.path.join(folder, "model.safetensors"))
        self.assertEqual(saved.keys(), trained.keys())
        for name, tensor in trained.items():
            self.assertLessEqual(distance(saved[name], tensor), TOLERANCE, name)

    def test_a_saved_model_is_the_same_when_it_is_loaded(self):
        folder = scratch()
        self.model.save(folder)
        again = cleave.load(folder)
        self.assertEqual(vars(again.config), vars(self.model.config))
        twice = scratch()
        again.save(twice)
        first, second = (tensors_of(os.path.join(each, "model.safetensors")) for each in (folder, twice))
        self.assertEqual(first.keys(), second.keys())
        for name in first:
            np.testing.assert_array_equal(first[name], second[name], name)
        source = os.path.join(FOLDER, "model.safetensors")
        stored = tensors_of(source) if os.path.exists(source) else {}
        for name in stored.keys() & first.keys():
            np.testing.assert_array_equal(first[name], stored[name].astype(np.float32), name)


if __name__ == "__main__":
    unittest.main()
