"""Meta-learning (MAML, Finn et al. 2017): weights from which one gradient step learns a new sinusoid from ten points.
The step stands inside the loss, which is differentiated through it."""

import numpy as np

import cleave
from cleave import nn

POINTS, RATE = 10, 0.05


class Curve(nn.Module):
    """A network of one hidden layer."""

    def __init__(self, width=40):
        self.factor, self.shift = (nn.Parameter(width, init=nn.Init.uniform(bound)) for bound in (2.0, 5.0))
        self.out = nn.Parameter(width, init=nn.Init.normal(0.1))


def value(x, factor, shift, out):
    """Of x [tasks, points], by weights [tasks, 1, width]: each task has its own."""
    return (nn.tanh(x.reshape(*x.shape, 1) * factor + shift) * out).sum(dim=2)


def adapted(model, x, y):
    """The weights of each task behind one step on its points; all start from the same."""
    def loss(*weights):
        return ((value(x, *weights) - y) ** 2).mean(dim=1).sum()

    start = [nn.fill([x.shape[0], 1, 1], 1.0) * each for each in (model.factor, model.shift, model.out)]
    _, slopes = cleave.gradient(loss, start)
    return [weight - RATE * slope for weight, slope in zip(start, slopes)]


def sinusoids(count, seed):
    """Tasks [count, 4, points]: x and y to learn from, and others."""
    random = np.random.default_rng(seed)
    amplitude, phase = random.uniform(0.5, 2.0, (count, 1)), random.uniform(0, np.pi, (count, 1))
    x, new_x = random.uniform(-3, 3, (2, count, POINTS))
    return np.stack([x, amplitude * np.sin(x + phase), new_x, amplitude * np.sin(new_x + phase)], axis=1)


def main(steps=2000):
    pipeline = cleave.Pipeline(
        Curve(), sinusoids(4000, seed=0),
        collate=lambda tasks: dict(zip(("x", "y", "new_x", "new_y"), np.stack(tasks, axis=1).astype(np.float32))),
        loss=lambda model, x, y, new_x, new_y: ((value(new_x, *adapted(model, x, y)) - new_y) ** 2).mean(),
        predict=lambda model, x, y, new_x: value(new_x, *adapted(model, x, y)),
        mesh=cleave.Mesh(data=4), batch=32, optimizer=cleave.AdamW(cleave.Cosine(1e-2, steps, warmup=20)))
    pipeline.fit(steps, progress=False)
    tasks = sinusoids(200, seed=1)
    targets = tasks[:, 3]
    return {"error of variance": float(((pipeline.predict(tasks) - targets) ** 2).mean() / targets.var())}


if __name__ == "__main__":
    print(main())
