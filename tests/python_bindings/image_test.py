"""Layers of images: numbers and gradients against loops in NumPy, over placements; a small network on real digits."""

import gzip
import unittest

import numpy as np
from support import relative

import cleave
from cleave import nn


def windows(x, kernel, stride, padding, dilation, fill):
    """(row, column, [batch, channels, rows, columns]) of all windows."""
    x = np.pad(x, [(0, 0), (0, 0), *((each, each) for each in padding)], constant_values=fill)
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel)]
    for i, top in enumerate(range(0, x.shape[2] - reach[0] + 1, stride[0])):
        for j, left in enumerate(range(0, x.shape[3] - reach[1] + 1, stride[1])):
            yield i, j, x[:, :, top : top + reach[0] : dilation[0], left : left + reach[1] : dilation[1]]


def image_of(parts):
    """[batch, channels, height, width] of (row, column, [batch, channels])."""
    parts = list(parts)
    height, width = (max(part[axis] for part in parts) + 1 for axis in (0, 1))
    return np.stack([part[2] for part in parts], -1).reshape(*parts[0][2].shape, height, width)


def convolved(x, weight, bias, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    def products(window):
        batch, out = len(window), len(weight)
        apart = window.reshape(batch, groups, -1)
        filters = weight.reshape(groups, out // groups, -1)
        return np.einsum("bgk,gok->bgo", apart, filters).reshape(batch, out) + bias

    return image_of((i, j, products(window))
                    for i, j, window in windows(x, weight.shape[2:], stride, padding, dilation, 0))


def pooled(x, kernel, stride, padding, reduction, fill):
    return image_of((i, j, reduction(window, axis=(2, 3)))
                    for i, j, window in windows(x, kernel, stride, padding, (1, 1), fill))


def normed(x, groups, weight, bias, eps):
    apart = x.reshape(len(x), groups, -1)
    apart = (apart - apart.mean(-1, keepdims=True)) / np.sqrt(apart.var(-1, keepdims=True) + eps)
    return apart.reshape(x.shape) * weight[:, None, None] + bias[:, None, None]


# name: (shapes of x, weight and bias; ours; loops in NumPy)
CASES = {
    "plain": ((2, 4, 5, 6), (3, 4, 3, 2), 3, nn.conv2d, convolved),
    "one element": ((3, 4, 3, 2), (5, 4, 1, 1), 5, nn.conv2d, convolved),
    "all options": ((2, 4, 7, 8), (6, 4, 3, 2), 6,
                    lambda x, w, b: nn.conv2d(x, w, b, stride=(2, 3), padding=(1, 2), dilation=(2, 1)),
                    lambda x, w, b: convolved(x, w, b, (2, 3), (1, 2), (2, 1))),
    "groups": ((2, 4, 5, 5), (6, 2, 3, 3), 6, lambda x, w, b: nn.conv2d(x, w, b, padding=1, groups=2),
               lambda x, w, b: convolved(x, w, b, padding=(1, 1), groups=2)),
    "a group a channel": ((3, 4, 4, 5), (4, 1, 2, 2), 4, lambda x, w, b: nn.conv2d(x, w, b, stride=2, groups=4),
                          lambda x, w, b: convolved(x, w, b, stride=(2, 2), groups=4)),
    "maximum": ((2, 4, 5, 6), (1,), 4, lambda x, w, b: nn.max_pool2d(x, 2),
                lambda x, w, b: pooled(x, (2, 2), (2, 2), (0, 0), np.max, 0)),
    "padded maximum": ((2, 4, 5, 6), (1,), 4, lambda x, w, b: nn.max_pool2d(x - 5, (3, 2), 2, 1),
                       lambda x, w, b: pooled(x - 5, (3, 2), (2, 2), (1, 1), np.max, -np.inf)),
    "mean": ((2, 4, 5, 6), (1,), 4, lambda x, w, b: nn.avg_pool2d(x, (3, 2), (1, 2), (1, 0)),
             lambda x, w, b: pooled(x, (3, 2), (1, 2), (1, 0), np.mean, 0)),
    "group norm": ((2, 4, 3, 2), (4,), 4, lambda x, w, b: nn.group_norm(x, 2, w, b, 1e-3),
                   lambda x, w, b: normed(x, 2, w, b, 1e-3)),
}


class Weighed(nn.Module):
    """The sum of the elements of f(x, weight, bias) times those of an input."""

    def __init__(self, function, shapes):
        self.x, self.weight, self.bias = (nn.Parameter(*shape) for shape in shapes)
        self._function = function

    def loss(self, factors):
        return (self._function(self.x, self.weight, self.bias) * factors).sum()


class Case:
    def __init__(self, name):
        x, weight, bias, self.ours, self.loops = CASES[name]
        random = np.random.default_rng(7)
        self.values = {key: random.normal(0, 1, shape).astype(np.float32)
                       for key, shape in (("x", x), ("weight", weight), ("bias", (bias,)))}
        self.exact = {key: value.astype(np.float64) for key, value in self.values.items()}
        self.factors = random.normal(0, 1, self.loops(*self.exact.values()).shape).astype(np.float32)

    def expected(self):
        return float((self.loops(*self.exact.values()) * self.factors).sum())

    def slopes(self, key, step=1e-5):
        """Central differences of the loops, by each element of one value."""
        value, slopes = self.exact[key], np.zeros(self.exact[key].shape)
        for index in np.ndindex(value.shape):
            before, sides = value[index], []
            for side in (step, -step):
                value[index] = before + side
                sides.append(self.expected())
            value[index] = before
            slopes[index] = (sides[0] - sides[1]) / (2 * step)
        return slopes

    def run(self, **options):
        """The loss, and what is subtracted by plain descent at rate 1: gradients."""
        model = Weighed(self.ours, [value.shape for value in self.values.values()])
        inputs = {"factors": cleave.Input(*self.factors.shape, dtype="float32")}
        plan = cleave.compile(model, batch=len(self.factors), inputs=inputs, optimizer=cleave.SGD(1.0), **options)
        with cleave.Trainer(plan, threads=1) as trainer:
            used = [key for key in self.values if key in plan.parameters]
            for key in used:
                trainer.write(key, self.values[key])
            loss = trainer.step({"factors": self.factors}).loss
            return loss, {key: self.values[key] - trainer.read(key) for key in used}


def placements(shape):
    return [cleave.B, *(cleave.S(dimension) for dimension, size in enumerate(shape) if size > 1)]


class LayersTest(unittest.TestCase):

    def assert_close(self, seen, expected, message):
        scale = max(1.0, float(np.max(np.abs(expected))))
        np.testing.assert_allclose(seen, expected, rtol=0, atol=2e-5 * scale, err_msg=message)

    def test_numbers_and_gradients_are_those_of_loops(self):
        for name in CASES:
            case = Case(name)
            loss, gradients = case.run()
            self.assert_close(loss, case.expected(), name)
            self.assertIn("x", gradients, name)
            for key, gradient in gradients.items():
                self.assert_close(gradient, case.slopes(key), f"{name}: {key}")

    def test_a_pinned_parameter_gives_the_numbers_of_one_device(self):
        for name in CASES:
            case = Case(name)
            loss, gradients = case.run()
            for devices in (2, 3):
                for key in gradients:
                    for placement in placements(case.values[key].shape):
                        pins = {key: {"model": placement}}
                        where = f"{name}: {key} {placement} on {devices}"
                        other, others = case.run(mesh=cleave.Mesh(model=devices), pins=pins, strategy="none")
                        self.assert_close(other, loss, where)
                        for each, gradient in gradients.items():
                            self.assert_close(others[each], gradient, f"{where}: {each}")


class Residual(nn.Module):
    def __init__(self, channels):
        self.norm_1, self.conv_1 = nn.GroupNorm(4, channels), nn.Conv2d(channels, channels, 3, padding=1)
        self.norm_2, self.conv_2 = nn.GroupNorm(4, channels), nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        y = self.conv_1(nn.relu(self.norm_1(x)))
        return x + self.conv_2(nn.relu(self.norm_2(y)))


class Digits(nn.Module):
    """Classes of images [batch, 1, 8, 8]."""

    def __init__(self, channels=16):
        self.net = nn.Sequential(nn.Conv2d(1, channels, 3, padding=1), Residual(channels), nn.MaxPool2d(2),
                                 Residual(channels), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(4 * channels, 10))

    def logits(self, images):
        return self.net(images)

    def loss(self, images, labels):
        return nn.cross_entropy(self.logits(images), labels)


class DigitsTest(unittest.TestCase):
    BATCH = 64

    @classmethod
    def setUpClass(cls):
        with gzip.open("python_bindings/examples/digits.csv.gz", "rt") as file:
            rows = np.loadtxt(file, delimiter=",", dtype=np.float32)
        cls.images, cls.labels = rows[:, :-1].reshape(-1, 1, 8, 8) / 16, rows[:, -1].astype(np.int32)

    def plan(self, **options):
        inputs = {"images": cleave.Input(self.BATCH, 1, 8, 8, dtype="float32"), "labels": cleave.Input(self.BATCH)}
        return cleave.compile(Digits(), batch=self.BATCH, inputs=inputs, **options)

    def batch(self, rows):
        return {"images": self.images[rows], "labels": self.labels[rows]}

    def training_batches(self):
        random = np.random.default_rng(0)
        while True:
            yield self.batch(random.integers(0, 1408, self.BATCH))

    def test_four_devices_learn_what_one_learns(self):
        """Under plain descent, which does not blow rounding up."""
        losses = {}
        for name, mesh in (("one", None), ("four", cleave.Mesh(data=2, model=2))):
            trainer, data = cleave.Trainer(self.plan(mesh=mesh, optimizer=cleave.SGD(0.1))), self.training_batches()
            losses[name] = [trainer.step(next(data)).loss for _ in range(20)]
        for one, four in zip(losses["one"], losses["four"]):
            self.assertLess(relative(four, one), 1e-4)
        self.assertLess(losses["one"][-1], losses["one"][0])

    def test_four_devices_learn_to_tell_digits_apart(self):
        """The loss of digits that were not seen: by other writers than most; 2.3 where nothing is known."""
        trainer = cleave.Trainer(self.plan(mesh=cleave.Mesh(data=2, model=2), optimizer=cleave.AdamW(3e-3)),
                                 data=self.training_batches())
        trainer.fit(150, progress=False)
        unseen = [self.batch(np.arange(start, start + self.BATCH)) for start in range(1408, 1408 + 6 * 64, 64)]
        self.assertLess(trainer.evaluate(unseen), 0.4)


if __name__ == "__main__":
    unittest.main()
