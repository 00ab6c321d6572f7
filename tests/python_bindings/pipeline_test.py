"""Gradients inside a loss, and pipelines of three functions."""

import unittest

import numpy as np

import cleave
from cleave import nn

ROWS = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)


class Weights(nn.Module):
    def __init__(self):
        self.w = nn.Parameter(3, init=nn.Init.constant(0.5))


def penalty(model, x):
    """The square of the gradient of mean (x w)^3 with respect to w."""
    _, (slope,) = cleave.gradient(lambda w: ((x * w) ** 3).mean(), [model.w])
    return (slope * slope).sum()


def pipeline(**options):
    given = {"collate": lambda rows: {"x": np.stack(rows)}, "loss": penalty, "batch": 8, "optimizer": cleave.SGD(0.1)}
    return cleave.Pipeline(Weights(), ROWS, **{**given, **options})


class PipelineTest(unittest.TestCase):

    def test_a_loss_is_differentiated_through_a_gradient(self):
        w, x = np.full(3, 0.5), ROWS.astype(np.float64)
        slope = (3 * x**3 * w**2).mean(axis=0) / 3
        curvature = (6 * x**3 * w).mean(axis=0) / 3  # of each weight by itself
        for mesh in (cleave.Mesh(data=1), cleave.Mesh(data=2, model=2)):
            made = pipeline(mesh=mesh)
            loss = made.fit(1, progress=False).loss
            self.assertAlmostEqual(loss / (slope**2).sum(), 1, delta=1e-5)
            np.testing.assert_allclose(made.trainer.read("w"), w - 0.1 * 2 * slope * curvature, rtol=1e-5)

    def test_the_model_of_a_pipeline_stays_as_it_is(self):
        model = Weights()
        cleave.Pipeline(model, ROWS, collate=lambda rows: {"x": np.stack(rows)}, loss=penalty, batch=4)
        self.assertFalse(hasattr(model, "loss"))

    def test_functions_may_use_the_models_own(self):
        class Own(Weights):
            def logits(self, x):
                return x * self.w

        made = cleave.Pipeline(Own(), ROWS, collate=lambda rows: {"x": np.stack(rows)}, batch=8,
                               loss=lambda model, x: model.logits(x).mean(), predict=lambda model, x: model.logits(x))
        np.testing.assert_allclose(made.predict(ROWS), ROWS * 0.5, rtol=1e-6)

    def test_a_prediction_has_a_row_for_each_example(self):
        made = pipeline(predict=lambda model, x: x * model.w)
        np.testing.assert_allclose(made.predict(ROWS), ROWS * 0.5, rtol=1e-6)

    def test_bad_use_is_named(self):
        lists, calls = {"x": np.zeros((8, 3))}, []

        def forgetful(rows):
            calls.append(rows)
            return {"x" if len(calls) == 1 else "z": np.stack(rows)}

        cases = (
            (lambda: pipeline(batch=9), "requires a batch of 1 to all 8 examples, got 9"),
            (lambda: pipeline(collate=lambda rows: lists), 'requires int32 or float32 of 8 rows in "x", got float64'),
            (lambda: pipeline(collate=lambda rows: np.stack(rows)), "requires a dictionary of arrays, got ndarray"),
            (lambda: pipeline(collate=forgetful).fit(1, progress=False), 'requires an array "x", got z'),
            (lambda: pipeline(loss=lambda model, y: y.mean()), 'requires inputs that collate gives (x), got "y"'),
            (lambda: pipeline().predict(ROWS), "requires a pipeline with a function predict, got none"),
            (lambda: pipeline(loss=lambda model, x: cleave.gradient(lambda w: x * w, [model.w])[0]),
             "requires a scalar of float32 to differentiate"),
            (lambda: pipeline(loss=lambda model, x: cleave.gradient(lambda: x, [])[0]), "requires a list of tensors"),
            (lambda: pipeline(loss=lambda model, x: cleave.gradient(lambda w: 3, [model.w])[0]), "got 3"),
        )
        for call, rule in cases:
            with self.assertRaises(cleave.Error) as raised:
                call()
            self.assertIn(rule, str(raised.exception))
            self.assertTrue(raised.exception.file.endswith("pipeline_test.py"), raised.exception.file)

    def test_a_models_own_attribute_weights_is_no_path(self):
        class Named(nn.Module):
            def __init__(self):
                self.weights = nn.Parameter(3, init=nn.Init.constant(0.5))

        line = cleave.Pipeline(Named(), ROWS, collate=lambda rows: {"x": np.stack(rows)}, batch=8,
                               loss=lambda model, x: (x * model.weights).mean(), optimizer=cleave.SGD(0.1))
        self.assertAlmostEqual(line.fit(1, progress=False).loss, 0.5 * float(ROWS.mean()), places=5)
        line.close()


if __name__ == "__main__":
    unittest.main()
