"""The vision model of cleave.models follows Transformers: logits, losses, weights; its files; its plan; its errors."""

import os
import sys
import unittest

import numpy as np
from support import distance, relative, scratch, tensors_of

import cleave
from cleave.models import ViT

FOLDER = sys.argv.pop(1)
BATCH, TOLERANCE = 4, 1e-5
MESHES = {"one device": cleave.Mesh(data=1), "four": cleave.Mesh(data=2, model=2)}
OPTIMIZERS = {"adamw": cleave.AdamW(1e-3, (0.9, 0.95)), "sgd": cleave.SGD(0.05, 0.9)}


class VisionTest(unittest.TestCase):

    def setUp(self):
        self.golden = tensors_of(os.path.join(FOLDER, "golden.safetensors"))
        self.model = cleave.load(FOLDER)

    def train(self, mesh, optimizer):
        """The losses of all steps, and the trainer."""
        plan = cleave.compile(self.model, mesh=mesh, batch=BATCH, inputs=self.model.inputs(BATCH), optimizer=optimizer)
        trainer, losses = cleave.Trainer(plan, threads=1), []
        for first in range(0, len(self.golden["labels"]), BATCH):
            batch = {name: self.golden[name][first : first + BATCH] for name in ("pixel_values", "labels")}
            losses.append(trainer.step(batch).loss)
        return losses, trainer

    def test_logits_are_those_of_transformers(self):
        logits = self.model.predict(pixel_values=self.golden["pixel_values"][:BATCH])
        self.assertLessEqual(distance(logits, self.golden["logits"]), TOLERANCE)

    def test_losses_and_weights_follow_transformers(self):
        for where, mesh in MESHES.items():
            for name, optimizer in OPTIMIZERS.items():
                losses, trainer = self.train(mesh, optimizer)
                for step, (seen, expected) in enumerate(zip(losses, self.golden[f"{name}.loss"], strict=True), start=1):
                    self.assertLessEqual(relative(seen, expected), TOLERANCE, f"{name} on {where}, step {step}")
                if name == "sgd":
                    folder = scratch()
                    trainer.save(folder)
                    self.assert_trained(tensors_of(os.path.join(folder, "model.safetensors")), where)
                trainer.close()

    def assert_trained(self, saved, where):
        trained = {name.removeprefix("trained."): tensor for name, tensor in self.golden.items()
                   if name.startswith("trained.")}
        self.assertEqual(saved.keys(), trained.keys())
        for name, tensor in trained.items():
            self.assertLessEqual(distance(saved[name], tensor), TOLERANCE, f"{name} on {where}")

    def test_a_saved_model_is_the_same_when_it_is_loaded(self):
        folder = scratch()
        self.model.save(folder)
        again = cleave.load(folder)
        self.assertEqual(vars(again.config), vars(self.model.config))
        stored, saved = (tensors_of(os.path.join(each, "model.safetensors")) for each in (FOLDER, folder))
        self.assertEqual(stored.keys(), saved.keys())
        for name, tensor in stored.items():
            np.testing.assert_array_equal(saved[name], tensor, name)

    def test_heads_and_inner_features_split_and_each_half_of_a_block_sums_once(self):
        plan = cleave.compile(self.model, mesh=cleave.Mesh(model=2), batch=BATCH, inputs=self.model.inputs(BATCH))
        told = plan.explanation
        placements = {value["name"]: value["placement"] for value in told["values"]}
        block = "vit.encoder.layer.1."
        for name in ("attention.attention.query.weight", "intermediate.dense.weight"):
            self.assertEqual(placements[block + name][0].split(",")[0].rstrip(")"), "S(0", name)
        for name in ("attention.output.dense.weight", "output.dense.weight"):
            self.assertEqual(placements[block + name][0].split(",")[0].rstrip(")"), "S(1", name)
        forward = [each for each in told["collectives"] if each["layer"] == ["block", 1] and each["phase"] == "forward"]
        self.assertEqual([each["kind"] for each in forward], ["all_reduce"] * 2)

    def test_what_does_not_fit_is_named(self):
        cases = {
            'field "hidden_size" requires a value such as 768, got -1': lambda: ViT(hidden_size=-1),
            'field "qkv_bias" requires a value such as True, got 1': lambda: ViT(qkv_bias=1),
            'field "hidden_size" requires a multiple of num_attention_heads = 12, got 70': lambda: ViT(hidden_size=70),
            'field "image_size" requires a multiple of patch_size = 16, got 100': lambda: ViT(image_size=100),
            "predict: requires images [batch, 2, 12, 12], got float64 of sizes 3x12x12":
                lambda: self.model.predict(np.zeros((3, 12, 12))),
            "generate: requires a causal model": lambda: self.model.generate([1, 2]),
        }
        for message, call in cases.items():
            with self.assertRaises(cleave.Error) as caught:
                call()
            self.assertIn(message, str(caught.exception))
            self.assertIn("vision_test.py", str(caught.exception))


if __name__ == "__main__":
    unittest.main()
