"""Optimizers, learning rates and groups of parameters, as compile takes them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import refuse
from .tensor import Tensor


@dataclass(frozen=True)
class Constant:
    """A learning rate that rises over `warmup` steps and then stays."""

    lr: float
    warmup: int = 0


@dataclass(frozen=True)
class Cosine:
    """A learning rate that rises over `warmup` steps and falls as a cosine to `min_lr` at step `total_steps`."""

    lr: float
    total_steps: int
    warmup: int = 0
    min_lr: float = 0.0


@dataclass(frozen=True)
class AdamW:
    """Adam with decoupled weight decay, which acts on parameters of rank 2 and more."""

    lr: float | Constant | Cosine = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent with momentum."""

    lr: float | Constant | Cosine = 1e-3
    momentum: float = 0.0
    weight_decay: float = 0.0


@dataclass(frozen=True)
class Group:
    """Parameters whose name matches a glob differ: `lr` is a factor; the first group that matches wins."""

    match: str
    lr: float | None = None
    weight_decay: float | None = None
    trainable: bool | None = None


@dataclass(frozen=True)
class CustomOptimizer:
    """An optimizer of one's own: what `@cleave.optimizer` makes of a function, with its options."""

    name: str
    function: Callable[..., Any]
    states: Mapping[str, float]
    lr: float | Constant | Cosine
    weight_decay: float
    options: Mapping[str, Any]

    @property
    def decays(self) -> bool:
        """Whether the function takes a weight decay."""
        return "weight_decay" in inspect.signature(self.function).parameters

    def trace(self, trace, shape):
        """Writes the update of parameters of one shape into the model."""
        names = list(self.states)
        given = trace.builder.begin_update(list(shape), list(self.states.items()))
        parameter, gradient, step, rate, decay = (Tensor(given[index]) for index in (0, 1, 3, 4, 5))
        states = {name: Tensor(value) for name, value in zip(names, given[2])}
        options = dict(self.options)
        if self.decays:
            options["weight_decay"] = decay
        result = self.function(parameter, gradient, states, step, rate, **options)
        if not isinstance(result, tuple) or len(result) != 2 or not isinstance(result[1], Mapping):
            refuse(f"{self.name}: requires a new parameter and a dictionary of new states, got {result!r}")
        updated, new_states = result
        if list(sorted(new_states)) != sorted(names):
            refuse(f"{self.name}: requires new states {', '.join(names) or 'none'}, got {', '.join(new_states) or 'none'}")
        trace.builder.end_update(trace.value(updated), [trace.value(new_states[name]) for name in names])


def optimizer(states: Iterable[str] | Mapping[str, float] = ()) -> Callable[[Callable[..., Any]],
                                                                         Callable[..., CustomOptimizer]]:
    """Makes an optimizer of a function of parameter, gradient, states, step and learning rate.

        @cleave.optimizer(states=("m",))
        def lion(p, g, state, step, lr, weight_decay, betas=(0.9, 0.99)):
            m = state["m"]
            update = cleave.nn.sign(betas[0] * m + (1 - betas[0]) * g) + weight_decay * p
            return p - lr * update, {"m": betas[1] * m + (1 - betas[1]) * g}

        plan = cleave.compile(model, optimizer=lion(1e-4, weight_decay=0.1), ...)

    The function is traced once for each shape of a parameter. It gets tensors: the parameter, the gradient of the mean
    loss (after clipping), a dictionary of states, and as scalars the number of the update, from 1, and the learning
    rate. An argument `weight_decay` is a scalar too: that of the parameter's group, 0 for a parameter of rank 1 or less.
    Other arguments are what the optimizer is called with. It gives the new parameter and a dictionary of new states.

    Args:
        states: names of what is kept for each parameter, in its shape, and starts as zeros; or {name: start}.

    Returns:
        A function of (lr=1e-3, *, weight_decay=0.0, options of the function) that gives what compile takes.
    """
    if callable(states):
        refuse("optimizer: requires states, as @cleave.optimizer(states=()), got a function")
    starts = dict(states) if isinstance(states, Mapping) else {name: 0.0 for name in states}
    for name, start in starts.items():
        if not isinstance(name, str) or not name.isidentifier():
            refuse(f"optimizer: requires names as states, got {name!r}")
        if type(start) not in (int, float):
            refuse(f'optimizer: requires a number that state "{name}" starts with, got {start!r}')

    def decorate(function: Callable[..., Any]) -> Callable[..., CustomOptimizer]:
        def make(lr: float | Constant | Cosine = 1e-3, *, weight_decay: float = 0.0, **options: Any) -> CustomOptimizer:
            known = list(inspect.signature(function).parameters)
            for option in options:
                if option not in known[5:]:
                    refuse(f"{function.__name__}: requires options out of {', '.join(known[5:]) or 'none'}, got {option}")
            if weight_decay and "weight_decay" not in known:
                refuse(f"{function.__name__}: requires an argument weight_decay for a weight decay, got none")
            return CustomOptimizer(function.__name__, function, starts, lr, weight_decay, options)

        make.__name__, make.__doc__ = function.__name__, function.__doc__
        return make

    return decorate
