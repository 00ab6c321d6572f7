"""Optimizers, learning rates and groups of parameters, as compile takes them."""

from __future__ import annotations

from dataclasses import dataclass


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
