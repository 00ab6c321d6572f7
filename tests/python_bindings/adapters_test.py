"""Low-rank adapters compute, train and are stored as Hugging Face PEFT does it.

Usage: adapters_test.py NAME of a folder of tests/python_bindings/adapters and of the fixture that it adapts
"""

import json
import os
import sys
import unittest

import numpy as np
from support import Bytes, Fixture, batches_of_bytes, distance, scratch, tensors_of

import cleave

NAME = sys.argv.pop(1)
BASE, ADAPTER = f"tests/end_to_end/fixtures/{NAME}", f"tests/python_bindings/adapters/{NAME}"
TOLERANCE = 1e-5  # relative


def golden():
    return tensors_of(os.path.join(ADAPTER, "golden.safetensors"))


def adapter_of(folder):
    return tensors_of(os.path.join(folder, "adapter_model.safetensors"))


def config_of(folder):
    with open(os.path.join(folder, "adapter_config.json")) as file:
        return json.load(file)


class AdaptersTest(unittest.TestCase):

    def setUp(self):
        self.fixture = Fixture(BASE)
        self.model = cleave.load_adapter(cleave.load(BASE), ADAPTER)

    def trainer(self, model, optimizer):
        plan = cleave.compile(model, mesh=cleave.Mesh(data=2, model=2), optimizer=optimizer, clip_norm=1.0,
                              **self.fixture.sizes())
        return cleave.Trainer(plan, threads=1)

    def test_logits_of_an_adapter_of_pefts_are_pefts(self):
        batch = next(self.fixture.batches())
        logits = self.model.predict(input_ids=batch["input_ids"])
        self.assertLessEqual(distance(logits, golden()["logits"]), TOLERANCE)
        model = cleave.load(BASE)
        plain = model.predict(input_ids=batch["input_ids"])
        self.assertGreater(distance(logits, plain), 1e-3)
        cleave.load_adapter(model, ADAPTER)
        np.testing.assert_array_equal(model.predict(input_ids=batch["input_ids"]), logits)

    def test_what_is_learnt_is_what_peft_learns_and_the_base_keeps_its_bits(self):
        trainer, folder = self.trainer(self.model, cleave.SGD(0.1, momentum=0.9)), scratch()
        base = {name: trainer.read(name) for name in trainer.plan.parameters if ".lora_" not in name}
        for batch, _ in zip(self.fixture.batches(), self.fixture.golden["loss"]):
            trainer.step(batch)
        for name, before in base.items():
            np.testing.assert_array_equal(trainer.read(name), before, name)
        trainer.save_adapter(folder)
        saved = adapter_of(folder)
        trained = {name.removeprefix("trained."): tensor for name, tensor in golden().items() if name != "logits"}
        self.assertEqual(saved.keys(), trained.keys())
        for name, tensor in trained.items():
            self.assertLessEqual(distance(saved[name], tensor), TOLERANCE, name)

    def test_an_adapter_is_saved_as_peft_saves_it(self):
        folder = scratch()
        self.trainer(self.model, cleave.SGD(0.5)).save_adapter(folder)
        ours, theirs = adapter_of(folder), adapter_of(ADAPTER)
        self.assertEqual(ours.keys(), theirs.keys())
        for name, tensor in theirs.items():
            np.testing.assert_array_equal(ours[name], tensor, name)
        config, expected = config_of(folder), config_of(ADAPTER)
        config["target_modules"].sort()
        expected["target_modules"].sort()
        self.assertEqual(config, {name: expected[name] for name in config} | {"base_model_name_or_path": BASE})

    def test_a_new_adapter_changes_nothing_until_it_has_learnt(self):
        batch = next(self.fixture.batches())
        model = cleave.lora(cleave.load(BASE), config_of(ADAPTER)["target_modules"], rank=2, dropout=0.1)
        plain = cleave.load(BASE).predict(input_ids=batch["input_ids"])
        np.testing.assert_array_equal(model.predict(input_ids=batch["input_ids"]), plain)
        trainer = self.trainer(model, cleave.AdamW(1e-2))
        losses = [trainer.step(batch).loss for _ in range(5)]
        self.assertLess(losses[-1], losses[0])
        states = [name for name, is_parameter, *_ in trainer.plan._handle.variables() if not is_parameter]
        self.assertTrue(all(".lora_" in name or name == "adamw.count" for name in states))

    def test_a_model_of_ones_own_is_adapted_too(self):
        model, data = cleave.lora(Bytes(), ["mlp.up", "head"], rank=2, alpha=4), batches_of_bytes()
        trainer = cleave.Trainer(cleave.compile(model, batch=4, seq=8, optimizer=cleave.AdamW(0.1)))
        before = {name: trainer.read(name) for name in trainer.plan.parameters}
        losses = [trainer.step(next(data)).loss for _ in range(20)]
        self.assertLess(losses[-1], losses[0])
        changed = {name for name in before if not np.array_equal(before[name], trainer.read(name))}
        self.assertEqual(changed, {f"{module}.lora_{part}.weight" for module in ("mlp.up", "head") for part in "AB"})


if __name__ == "__main__":
    unittest.main()
