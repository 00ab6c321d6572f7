"""From a model to a plan."""

from __future__ import annotations

import inspect
import warnings as _warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from . import _core
from .errors import refuse, reports, user_place
from .functional import Loss
from .nn import Module
from .optimizers import SGD, AdamW, Constant, Cosine, CustomOptimizer, Group
from .placement import Mesh, Placement
from .tensor import Tensor, Trace

if TYPE_CHECKING:
    from .plan import Plan

# Inputs that have a row's target tokens, where a model has a decoder of its own.
_OF_TARGETS = ("labels", "decoder_input_ids")


class Input:
    """The shape and dtype of one input: Input(16, 8, dtype="float32"). Sizes are those of the whole batch."""

    def __init__(self, *shape: int, dtype: str = "int32") -> None:
        if dtype not in ("int32", "float32"):
            refuse(f"Input: requires dtype int32 or float32, got {dtype!r}")
        self.shape, self.dtype = shape, dtype


def _options(optimizer, groups, freeze, sizes, microbatches, clip_norm):
    options = _core.TrainingOptions()
    options.optimizer = "adamw" if isinstance(optimizer, AdamW) else "sgd"
    if isinstance(optimizer, CustomOptimizer):
        # States have this name; those of the optimizers that are built in stay theirs.
        options.optimizer = "custom" if optimizer.name in ("adamw", "sgd") else optimizer.name
    elif isinstance(optimizer, AdamW):
        (options.beta1, options.beta2), options.eps = optimizer.betas, optimizer.eps
    elif isinstance(optimizer, SGD):
        options.momentum = optimizer.momentum
    else:
        refuse("compile: requires cleave.AdamW(...), cleave.SGD(...) or what @cleave.optimizer makes as optimizer, got "
               f"{optimizer!r}")
    options.weight_decay = optimizer.weight_decay
    rate = optimizer.lr if isinstance(optimizer.lr, (Constant, Cosine)) else Constant(optimizer.lr)
    options.lr, options.warmup = rate.lr, rate.warmup
    if isinstance(rate, Cosine):
        options.schedule, options.total_steps, options.min_lr = "cosine", rate.total_steps, rate.min_lr
    options.batch, options.seq, options.target_seq = sizes
    options.microbatches, options.clip_norm = microbatches, clip_norm
    for glob in [freeze] if isinstance(freeze, str) else freeze:
        options.add_group(glob, None, None, False)
    for group in groups:
        if group.weight_decay and isinstance(optimizer, CustomOptimizer) and not optimizer.decays:
            refuse(f'compile: requires an argument weight_decay of {optimizer.name} for group "{group.match}", got none')
        options.add_group(group.match, group.lr, group.weight_decay, group.trainable)
    return options


def _inputs(trace, function, given, sizes):
    """Tensors for the arguments of a model's function, by name."""
    batch, seq, target_seq = sizes
    tensors = {}
    for name in inspect.signature(function).parameters:
        described = given.get(name)
        if described is None:
            if not seq:
                refuse(f'compile: requires a shape for input "{name}", by seq or by '
                       f'inputs={{"{name}": cleave.Input(...)}}')
            described = Input(batch, target_seq if target_seq and name in _OF_TARGETS else seq)
        tensors[name] = trace.call("input", name, list(described.shape), described.dtype == "float32")
    return tensors


def _trace_loss(trace, model, given, sizes):
    trace.training = True
    trace.builder.begin_entry("loss")
    result = model.loss(**_inputs(trace, model.loss, given, sizes))
    loss, metrics = result if isinstance(result, tuple) and len(result) == 2 else (result, {})
    if not isinstance(metrics, Mapping):
        refuse(f"loss: requires a dictionary of metrics beside the loss, got {type(metrics).__name__}")
    outputs = _outputs(trace, "loss", loss, ("loss_sum", "tokens"), "loss")
    for name, metric in metrics.items():
        output = f"metrics.{name}"
        outputs += _outputs(trace, f'metric "{name}"', metric, (output, output + ".count"), output)
    trace.builder.end_entry(outputs)


def _outputs(trace, what, value, of_sum, of_mean):
    """What the loss's function gives under these names: a sum and a count, or a mean."""
    if isinstance(value, Loss):
        return [(of_sum[0], trace.value(value.sum)), (of_sum[1], trace.value(value.count))]
    if isinstance(value, Tensor) and value.shape == () and value.dtype == "float32":
        return [(of_mean, trace.value(value))]
    refuse(f"{what}: requires a scalar tensor of float32, or what nn.cross_entropy gives, got {value!r}")


def _trace_logits(trace, model, given, sizes):
    trace.training = False
    trace.builder.begin_entry("logits")
    function = model.logits
    one = {name: Input(1, *each.shape[1:], dtype=each.dtype) for name, each in given.items()}
    result = function(**_inputs(trace, function, one, (1, *sizes[1:])))
    trace.builder.end_entry([("logits", trace.value(result))])


@reports
def trace(model, *, batch, seq=0, target_seq=0, inputs=None, dropout=None, optimizer=None):
    """The model's ops, not compiled: (module, pins). See compile for the arguments."""
    if not isinstance(model, Module):
        refuse(f"compile: requires a cleave.nn.Module, got {type(model).__name__}")
    if not callable(getattr(model, "loss", None)):
        refuse(f"compile: requires that {type(model).__name__} defines loss(self, input, ...)")
    made, given, sizes = Trace(dropout), dict(inputs or {}), (batch, seq, target_seq)
    model._name_parts()
    with made.active():
        family = getattr(model, "family", None)
        if family is not None:
            made.builder.set_family(family(batch, seq, target_seq, dropout))
        _trace_loss(made, model, given, sizes)
        if callable(getattr(model, "logits", None)):
            _trace_logits(made, model, given, sizes)
        if isinstance(optimizer, CustomOptimizer):
            for shape in dict.fromkeys(parameter.shape for _, parameter in model.named_parameters()):
                optimizer.trace(made, shape)
    return made.builder.finish(), made.pins


@reports
def compile(model: Module, *, mesh: Mesh | None = None, optimizer: AdamW | SGD | CustomOptimizer = AdamW(),
            batch: int, seq: int = 0, target_seq: int = 0, inputs: Mapping[str, Input] | None = None, dropout: float | None = None,
            microbatches: int = 1, clip_norm: float | None = None, groups: Iterable[Group] = (),
            freeze: str | Iterable[str] = (), pins: Mapping[str, Mapping[str, Placement]] | None = None,
            strategy: str = "rules", overlap: list[str] | None = None, zero: int | None = None,
            memory: int | None = None, cluster: str = "", links: Mapping[str, str] | None = None) -> Plan:
    """Compiles the training step of a model.

    Args:
        model: a cleave.nn.Module with `loss`, and perhaps `logits`. A loss may give (loss, {name: metric}): metrics are
            scalar tensors (means), or sums with counts as nn.accuracy gives them, and are reported with each step.
        mesh: the devices; one device unless it is given.
        optimizer: cleave.AdamW(...), cleave.SGD(...), or one of your own (cleave.optimizer).
        batch: examples of a step on all devices together.
        seq, target_seq: tokens of an example, and of its labels where they differ: each input is int32 [batch, tokens],
            unless `inputs` says otherwise: {"x": cleave.Input(16, 8, dtype="float32")}.
        dropout: replaces all rates of dropout.
        microbatches: slices of the batch that run one after the other.
        clip_norm: the gradients' global norm is at most this.
        groups, freeze: cleave.Group(...)s by parameter name, and globs of names that don't learn.
        pins: {name or glob: {axis: cleave.S(0)}}, besides those that cleave.shard set in the model.
        strategy: "rules", or "none" to split only what is pinned.
        overlap: names of passes that hide communication; the compiler chooses unless they are given.
        zero: 0 to 3: what lies split along data axes.
        memory: bytes that a device may use.
        cluster, links: the machine that the compiler plans for, {axis: "1GB/s,50us"}.

    Returns:
        A cleave.Plan.

    Raises:
        cleave.Error: with the user's file and line and the rule that does not hold.
    """
    from .plan import Plan

    module, marked = trace(model, batch=batch, seq=seq, target_seq=target_seq, inputs=inputs, dropout=dropout,
                           optimizer=optimizer)
    mesh = Mesh(data=1) if mesh is None else mesh
    if not isinstance(mesh, Mesh):
        refuse(f"compile: requires a cleave.Mesh, got {mesh!r}")
    request = _core.CompileRequest()
    request.training = _options(optimizer, groups, freeze, (batch, seq, target_seq), microbatches, clip_norm)
    request.strategy, request.zero, request.memory, request.cluster = strategy, zero, memory, cluster
    request.overlap = overlap
    for axis, speed in (links or {}).items():
        request.add_link(axis, speed)
    for name, along in (pins or {}).items():
        request.add_pin((name, [(axis, placement.text) for axis, placement in along.items()]))
    for pin in marked:
        request.add_pin(pin)
    bytes_of_plan, warned = module.compile(mesh.axes, request, type(model).__name__, module.text())
    for warning in warned:
        _warnings.warn_explicit(warning, UserWarning, *user_place())
    return Plan(_core.Plan.from_bytes(bytes_of_plan), model)
