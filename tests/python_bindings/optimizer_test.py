"""Optimizers of one's own: functions that are traced into the update."""

import os
import unittest

import numpy as np
from support import Bytes, batches_of_bytes, scratch, tensors_of

import cleave
from cleave import nn


@cleave.optimizer(states=("m", "v"))
def adamw(p, g, state, step, lr, weight_decay, betas=(0.9, 0.999), eps=1e-8):
    m = betas[0] * state["m"] + (1 - betas[0]) * g
    v = betas[1] * state["v"] + (1 - betas[1]) * g * g
    unbiased = m / (1 - betas[0] ** step)
    p = p - lr * weight_decay * p
    return p - lr * unbiased / (nn.sqrt(v / (1 - betas[1] ** step)) + eps), {"m": m, "v": v}


@cleave.optimizer(states=["m"])
def lion(p, g, state, step, lr, weight_decay, betas=(0.9, 0.99)):
    direction = nn.sign(betas[0] * state["m"] + (1 - betas[0]) * g)
    return p - lr * (direction + weight_decay * p), {"m": betas[1] * state["m"] + (1 - betas[1]) * g}


@cleave.optimizer()
def descent(p, g, state, step, lr):
    return p - lr * g, {}


@cleave.optimizer(states={"sum": 0.1})
def adagrad(p, g, state, step, lr):
    total = state["sum"] + g * g
    return p - lr * g / nn.sqrt(total), {"sum": total}


@cleave.optimizer()
def normalized(p, g, state, step, lr):
    """Needs a norm over the whole parameter, however it is split."""
    return p - lr * g / (nn.sqrt((g * g).sum()) + 1e-6), {}


MESH = cleave.Mesh(data=2, model=2)
PLACED = [{"mesh": cleave.Mesh(data=2)}, {"mesh": cleave.Mesh(model=2)}, {"mesh": MESH},
          {"mesh": cleave.Mesh(model=3)}, {"mesh": MESH, "zero": 1}, {"mesh": MESH, "zero": 2},
          {"mesh": MESH, "zero": 3}, {"mesh": MESH, "overlap": ["split", "buckets", "prefetch"], "zero": 3},
          {"mesh": MESH, "microbatches": 2}]


def plan_of(optimizer, **options):
    return cleave.compile(Bytes(), optimizer=optimizer, batch=4, seq=8, **options)


def trained(plan, steps=10):
    """(losses, {parameter: array}) after some steps."""
    trainer, data = cleave.Trainer(plan, threads=1), batches_of_bytes()
    losses = [trainer.step(next(data)).loss for _ in range(steps)]
    return losses, {name: trainer.read(name) for name in plan.parameters}


class OptimizerTest(unittest.TestCase):

    def assert_equal(self, one, other, tolerance, what=""):
        """Losses, and weights by the norm of the difference against the norm of all."""
        np.testing.assert_allclose(one[0], other[0], rtol=tolerance, err_msg=str(what))
        difference = sum(float(np.sum((value - other[1][name]) ** 2)) for name, value in one[1].items())
        whole = sum(float(np.sum(value**2)) for value in one[1].values())
        self.assertLess((difference / whole) ** 0.5, tolerance, what)

    def test_adamw_by_hand_is_the_one_built_in(self):
        options = {"mesh": MESH, "clip_norm": 0.5}
        by_hand = plan_of(adamw(cleave.Cosine(1e-3, total_steps=10, warmup=3), weight_decay=0.1), **options)
        built_in = plan_of(cleave.AdamW(cleave.Cosine(1e-3, total_steps=10, warmup=3), weight_decay=0.1), **options)
        self.assertNotEqual(by_hand.hash, built_in.hash)
        self.assert_equal(trained(by_hand), trained(built_in), 1e-6)

    def test_groups_hold_for_it(self):
        options = {"groups": [cleave.Group("head.*", lr=0.1, weight_decay=0.3)], "freeze": "table.*"}
        by_hand = trained(plan_of(adamw(1e-3, weight_decay=0.1), **options))
        self.assert_equal(by_hand, trained(plan_of(cleave.AdamW(1e-3, weight_decay=0.1), **options)), 1e-6)

    def test_lion_follows_numpy(self):
        """Signs of sums that are nearly zero may differ: the first step, from equal moments, tells."""
        gradients = {}
        trainer, batch = cleave.Trainer(plan_of(descent(1.0)), threads=1), next(batches_of_bytes())
        before = {name: trainer.read(name) for name in trainer.plan.parameters}
        trainer.step(batch)
        gradients = {name: value - trainer.read(name) for name, value in before.items()}
        trainer = cleave.Trainer(plan_of(lion(1e-2, weight_decay=0.1)), threads=1)
        trainer.step(batch)
        for name, value in before.items():
            decay = 0.1 if value.ndim > 1 else 0.0
            expected = value - 1e-2 * (np.sign(gradients[name]) + decay * value)
            seen = trainer.read(name)
            sure = np.abs(gradients[name]) > 1e-6
            np.testing.assert_allclose(seen[sure], expected[sure], atol=1e-6, err_msg=name)
            m = trainer.read(f"lion.m({name})")
            np.testing.assert_allclose(m, 0.01 * gradients[name], atol=2e-8, err_msg=name)

    def test_it_learns(self):
        for optimizer in (adamw(1e-2), lion(1e-2), adagrad(1.0), normalized(0.2)):
            losses, _ = trained(plan_of(optimizer), 60)
            self.assertLess(losses[-1], losses[0] - 0.3, optimizer.name)

    def test_every_placement_gives_the_same(self):
        for optimizer in (descent(0.3), adagrad(1.0), normalized(5e-2)):
            alone = trained(plan_of(optimizer))
            for options in PLACED:
                self.assert_equal(trained(plan_of(optimizer, **options)), alone, 1e-6, (optimizer.name, options))

    def test_states_split_as_those_built_in_do(self):
        for zero in (0, 1, 2, 3):
            own, built_in = (plan_of(optimizer, mesh=MESH, zero=zero) for optimizer in (adamw(), cleave.AdamW()))
            self.assertEqual(own.parameters, built_in.parameters)
            placed = [{name.split(".", 1)[1]: along for name, is_parameter, _, along in plan._handle.variables()
                       if not is_parameter} for plan in (own, built_in)]
            self.assertEqual(placed[0], placed[1], zero)

    def test_checkpoints_hold_its_states(self):
        plan, folder, batches = plan_of(adagrad(1e-2), mesh=MESH), scratch(), batches_of_bytes()
        taken = [next(batches) for _ in range(6)]
        whole = cleave.Trainer(plan)
        for number, batch in enumerate(taken):
            whole.step(batch)
            if number == 2:
                whole.checkpoint(folder)
        names = tensors_of(os.path.join(folder, "step-00000003", "state.safetensors")).keys()
        self.assertIn("adagrad.sum(head.weight)", names)
        resumed = cleave.Trainer(plan, resume=folder)
        for batch in taken[3:]:
            resumed.step(batch)
        for name in plan.parameters:
            np.testing.assert_array_equal(whole.read(name), resumed.read(name), name)

    def test_states_start_as_they_are_told(self):
        trainer = cleave.Trainer(plan_of(adagrad(1e-2)))
        np.testing.assert_array_equal(trainer.read("adagrad.sum(head.weight)"), np.full((64, 16), 0.1, np.float32))

    def test_nothing_changes_where_no_label_counts(self):
        trainer, batch = cleave.Trainer(plan_of(adagrad(1e-2))), next(batches_of_bytes())
        before = trainer.read("head.weight"), trainer.read("adagrad.sum(head.weight)")
        trainer.step({**batch, "labels": np.full_like(batch["labels"], -100)})
        np.testing.assert_array_equal(trainer.read("head.weight"), before[0])
        np.testing.assert_array_equal(trainer.read("adagrad.sum(head.weight)"), before[1])
        self.assertEqual(float(trainer.read("adagrad.count")), 0)


if __name__ == "__main__":
    unittest.main()
