"""Models written in Python: names, locations, operators, placements."""

import inspect
import unittest

import numpy as np
from support import Bytes, batches_of_bytes

import cleave
from cleave import compiling, nn


def line_here():
    return inspect.currentframe().f_back.f_lineno


class Regression(nn.Module):
    """Mean square of what `function` makes of x [4, 6] and two parameters."""

    def __init__(self, function):
        self.a = nn.Parameter(6, init=nn.Init.constant(0))
        self.b = nn.Parameter(4, 6, init=nn.Init.constant(0))
        self._function = function

    def loss(self, x):
        y = self._function(x, self.a, self.b)
        return (y * y).mean()


class AuthoringTest(unittest.TestCase):

    def loss_of(self, function, x, a, b, mesh=None):
        inputs = {"x": cleave.Input(4, 6, dtype="float32")}
        plan = cleave.compile(Regression(function), mesh=mesh, optimizer=cleave.SGD(0.0), batch=4, inputs=inputs)
        with cleave.Trainer(plan, threads=1) as trainer:
            trainer.write("a", a)
            trainer.write("b", b)
            return trainer.step({"x": x}).loss

    def test_operators_compute_what_numpy_computes(self):
        random = np.random.default_rng(1)
        x, b = (random.uniform(0.5, 1.5, (4, 6)).astype(np.float32) for _ in range(2))
        a = random.uniform(0.5, 1.5, 6).astype(np.float32)
        cases = {
            "sum": (lambda x, a, b: x + a + 0 * b, lambda x, a, b: x + a),
            "difference": (lambda x, a, b: 2 - x - b + 0 * a, lambda x, a, b: 2 - x - b),
            "product": (lambda x, a, b: x * a * b * 3, lambda x, a, b: x * a * b * 3),
            "quotient": (lambda x, a, b: x / b / 2 + 1 / a, lambda x, a, b: x / b / 2 + 1 / a),
            "power": (lambda x, a, b: x ** a - b, lambda x, a, b: x ** a - b),
            "negative": (lambda x, a, b: -x + a + b, lambda x, a, b: -x + a + b),
            "matmul": (lambda x, a, b: x @ b.transpose(1, 0) + a.sum(), lambda x, a, b: x @ b.T + a.sum()),
            "slices": (lambda x, a, b: x[1:3, :4] * b[-1, 2:] + a[0], lambda x, a, b: x[1:3, :4] * b[-1, 2:] + a[0]),
            "shape": (lambda x, a, b: x.reshape(2, -1) * b.reshape(2, 12) + a.max(),
                      lambda x, a, b: x.reshape(2, -1) * b.reshape(2, 12) + a.max()),
            "reductions": (lambda x, a, b: x.mean(dim=0) + b.sum(dim=-2) * a.min(),
                           lambda x, a, b: x.mean(0) + b.sum(-2) * a.min()),
            "functions": (lambda x, a, b: nn.exp(x) + nn.log(b) * nn.sqrt(a) + nn.sin(x) * nn.cos(b),
                          lambda x, a, b: np.exp(x) + np.log(b) * np.sqrt(a) + np.sin(x) * np.cos(b)),
            "joined": (lambda x, a, b: nn.concat([x * a, b], dim=-1), lambda x, a, b: np.concatenate([x * a, b], -1)),
            "softmax": (lambda x, a, b: nn.softmax(x + a) * b,
                        lambda x, a, b: np.exp(x + a) / np.exp(x + a).sum(-1, keepdims=True) * b),
        }
        for name, (ours, theirs) in cases.items():
            expected = np.mean(theirs(*(each.astype(np.float64) for each in (x, a, b))) ** 2)
            for mesh in (None, cleave.Mesh(data=2)):
                self.assertAlmostEqual(self.loss_of(ours, x, a, b, mesh) / expected, 1, delta=1e-5, msg=name)

    def test_parameters_are_called_by_the_path_of_attributes(self):
        plan = cleave.compile(Bytes(), batch=4, seq=8)
        self.assertEqual(list(plan.parameters), ["table.weight", "mlp.up.weight", "mlp.up.bias", "mlp.down.weight",
                                                 "mlp.down.bias", "head.weight"])
        self.assertEqual(plan.parameters["mlp.up.weight"][0], (64, 16))

    def test_ops_carry_the_users_line(self):
        def relu_here(x, a, b):
            self.line = line_here() + 1
            return nn.relu(x + a + b)

        inputs = {"x": cleave.Input(4, 6, dtype="float32")}
        module, _ = compiling.trace(Regression(relu_here), batch=4, inputs=inputs)
        text = module.text()
        location = text.split("cleave.relu", 1)[1].split("loc(", 1)[1].split(")")[0]
        place = next(line for line in text.splitlines() if line.startswith(f"{location} = "))
        self.assertIn(f'authoring_test.py":{self.line}:', place)

    def test_a_pin_decides_a_placement(self):
        class Pinned(Bytes):
            def logits(self, input_ids):
                cleave.shard(self.head.weight, model=cleave.S(0))
                return super().logits(input_ids)

        mesh = cleave.Mesh(model=2)
        for model, pins, strategy, expected in ((Bytes(), None, "none", "B"), (Pinned(), None, "none", "S(0)"),
                                                (Bytes(), {"head.*": {"model": cleave.S(1)}}, "none", "S(1)")):
            plan = cleave.compile(model, mesh=mesh, batch=4, seq=8, pins=pins, strategy=strategy)
            self.assertEqual(plan.parameters["head.weight"][1], (expected,))

    def test_frozen_parameters_stay_and_groups_have_rates_of_their_own(self):
        plan = cleave.compile(Bytes(), batch=4, seq=8, optimizer=cleave.SGD(0.5), freeze="table.*",
                              groups=[cleave.Group("mlp.*.bias", lr=0.0)])
        trainer = cleave.Trainer(plan)
        names = ("table.weight", "mlp.up.bias", "mlp.up.weight")
        before = {name: trainer.read(name) for name in names}
        trainer.step(next(batches_of_bytes()))
        same = {name: np.array_equal(before[name], trainer.read(name)) for name in names}
        self.assertEqual(same, {"table.weight": True, "mlp.up.bias": True, "mlp.up.weight": False})

    def test_frozen_parameters_have_neither_gradient_nor_state(self):
        mesh, batch = cleave.Mesh(data=2, model=2), next(batches_of_bytes())
        frozen = {"table.weight", "mlp.up.weight", "mlp.up.bias"}
        free = cleave.Trainer(cleave.compile(Bytes(), mesh=mesh, batch=4, seq=8, optimizer=cleave.SGD(1.0)))
        before = {name: free.read(name) for name in free.plan.parameters}
        free.step(batch)  # subtracts the gradients
        squares = {name: np.sum((before[name] - free.read(name)) ** 2, dtype=np.float64) for name in before}
        plan = cleave.compile(Bytes(), mesh=mesh, batch=4, seq=8, optimizer=cleave.AdamW(0.1, weight_decay=0.5),
                              freeze=["table.*", "mlp.up.*"])
        states = {name for name, is_parameter, *_ in plan._handle.variables() if not is_parameter}
        self.assertEqual(states, {"adamw.count"} | {f"adamw.{kind}({name})" for kind in "mv"
                                                    for name in squares.keys() - frozen})
        trainer = cleave.Trainer(plan)
        norm = sum(squares[name] for name in squares.keys() - frozen) ** 0.5
        self.assertAlmostEqual(trainer.step(batch).grad_norm / norm, 1, delta=1e-4)
        trainer.step(batch)
        same = {name for name in before if np.array_equal(before[name], trainer.read(name))}
        self.assertEqual(same, frozen)

    def test_layers_repeat_under_one_class(self):
        class Stacked(Bytes):
            def __init__(self):
                super().__init__()
                self.blocks = nn.ModuleList([nn.Sequential(nn.LayerNorm(16), nn.Attention(16, 4), nn.Dropout(0.1),
                                                           nn.MLP(16)) for _ in range(2)], layer="block")

            def logits(self, input_ids):
                x = self.table(input_ids)
                for block in self.blocks:
                    x = x + block(x)
                return self.head(x)

        module, _ = compiling.trace(Stacked(), batch=4, seq=8)
        for instance in range(2):
            self.assertIn(f'#cleave.layer<"block", {instance}>', module.text())
        trainer = cleave.Trainer(cleave.compile(Stacked(), mesh=cleave.Mesh(data=2, model=2), batch=4, seq=8))
        data = batches_of_bytes()
        losses = [trainer.step(next(data)).loss for _ in range(30)]
        self.assertLess(losses[-1], losses[0])


if __name__ == "__main__":
    unittest.main()
