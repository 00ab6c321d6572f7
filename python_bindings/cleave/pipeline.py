"""Training described by three functions: how examples become a batch, its loss, and a prediction."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from . import _core
from .compiling import Input, compile
from .errors import refuse, reports
from .nn import Module
from .training import Trainer


class _Called:
    """A function of a model and inputs by name, as the model's own function of these inputs."""

    def __init__(self, function, model, what):
        parameters = list(inspect.signature(function).parameters.values())
        if not parameters:
            refuse(f"Pipeline: requires {what}(model, input, ...), got {what}()")
        self.__signature__ = inspect.Signature(parameters[1:])
        self.inputs = [parameter.name for parameter in parameters[1:]]
        self._function, self._model = function, model

    def __call__(self, **inputs):
        return self._function(self._model, **inputs)


class Pipeline:
    """Trains a model on the devices of a mesh by three functions, written as for one device.

    Args:
        model: a cleave.nn.Module.
        examples: a sequence of training examples, of whatever `collate` takes.
        collate: makes a batch of a list of examples: a dictionary of arrays of int32 or float32, whose first dimension
            is the number of examples.
        loss: loss(model, input, ...), of tensors named as the batch's arrays: a scalar, or what nn.cross_entropy gives.
        predict: predict(model, input, ...), of tensors of one example: the tensor that `Pipeline.predict` gives.
        batch: examples of a step on all devices together.
        seed: of drawn parameters and of the order of examples, which is another in each epoch.
        options: those of cleave.compile: mesh, optimizer, ...

    Raises:
        cleave.Error: with the user's file and line and the rule that does not hold.
    """

    @reports
    def __init__(self, model: Module, examples: Sequence[Any], *, collate: Callable[[list[Any]], Mapping[str, Any]],
                 loss: Callable[..., Any], predict: Callable[..., Any] | None = None, batch: int, seed: int = 0,
                 **options: Any) -> None:
        if not isinstance(model, Module):
            refuse(f"Pipeline: requires a cleave.nn.Module, got {type(model).__name__}")
        if type(batch) is not int or not 1 <= batch <= len(examples):
            refuse(f"Pipeline: requires a batch of 1 to all {len(examples)} examples, got {batch!r}")
        self._examples, self._collate, self._batch, self._seed = examples, collate, batch, seed
        # Both have the same modules and parameters; what the functions get keeps its own loss and logits.
        described: Any = copy.copy(model)
        own = copy.copy(model)
        own._path = ""
        described.loss = _Called(loss, own, "loss")
        self._predicted = None if predict is None else _Called(predict, own, "predict")
        described.logits = self._predicted
        shapes = {name: Input(*array.shape, dtype=str(array.dtype))
                  for name, array in self._collated([examples[index] for index in range(batch)]).items()}
        for function in filter(None, (described.loss, self._predicted)):
            for name in function.inputs:
                if name not in shapes:
                    refuse(f'Pipeline: requires inputs that collate gives ({", ".join(shapes)}), got "{name}"')
        self._inputs = described.loss.inputs
        self.plan = compile(described, batch=batch, inputs=shapes, **options)
        self.trainer = Trainer(self.plan, data=self._batches(), seed=seed)

    def _collated(self, examples, inputs=()):
        """The arrays that collate makes of examples, with all of these inputs."""
        made = self._collate(examples)
        if not isinstance(made, Mapping):
            refuse(f"collate: requires a dictionary of arrays, got {type(made).__name__}")
        arrays = {name: np.asarray(array) for name, array in made.items()}
        for name, array in arrays.items():
            if str(array.dtype) not in ("int32", "float32") or array.shape[:1] != (len(examples),):
                refuse(f'collate: requires int32 or float32 of {len(examples)} rows in "{name}", got {array.dtype} '
                       f"{list(array.shape)}")
        for name in inputs:
            if name not in arrays:
                refuse(f'collate: requires an array "{name}", got {", ".join(arrays) or "none"}')
        return {name: arrays[name] for name in inputs} if inputs else arrays

    def _batches(self) -> Iterator[dict[str, Any]]:
        """Examples in an order drawn for each epoch; what is left behind the last whole batch waits for another."""
        random = np.random.default_rng(self._seed)
        while True:
            order = random.permutation(len(self._examples))
            for start in range(0, len(order) - self._batch + 1, self._batch):
                examples = [self._examples[index] for index in order[start : start + self._batch]]
                yield self._collated(examples, self._inputs)

    @reports
    def fit(self, steps: int, **options: Any) -> _core.StepMetrics | None:
        """Takes steps until there are `steps` in all; see Trainer.fit."""
        return self.trainer.fit(steps, **options)

    @reports
    def predict(self, examples: Sequence[Any]) -> Any:
        """What `predict` gives for each example, as one NumPy array [examples, ...]."""
        if self._predicted is None:
            refuse("predict: requires a pipeline with a function predict, got none")
        if not len(examples):
            refuse("predict: requires at least one example, got none")
        made = []
        for example in examples:
            made.append(self.trainer.run("logits", self._collated([example], self._predicted.inputs))["logits"])
        return np.concatenate(made)

    @reports
    def close(self) -> None:
        """Gives the devices' memory back."""
        self.trainer.close()
