"""Low-rank adapters: Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", 2021. Their files are those of
Hugging Face PEFT."""

from __future__ import annotations

import os
from collections.abc import Iterable

from . import _core, functional
from .errors import refuse, reports
from .nn import Init, Linear, Module


class LowRank(Linear):
    """A linear map of x plus scale * lora_B(lora_A(dropout(x))). `down` is the lora_A of several maps of one x."""

    def __init__(self, base, config, down=None):
        vars(self).update(vars(base))
        features, out = _sizes(base)
        if down is None:
            self.lora_A = Linear(features, config.rank, bias=False)
        self.lora_B = Linear(config.rank, out, bias=False, init=Init.constant(0))
        self._shared = (down,)  # no part of this one
        self._rate, self._scale = config.dropout, config.alpha / config.rank

    def forward(self, x):
        down = self._shared[0] or self.lora_A
        low = functional.dropout(x, self._rate, name=f"{self._name}.lora_dropout")
        low = functional.scale(self.lora_B(down(low)), self._scale, name=f"{self._name}.lora")
        return functional.add(super().forward(x), low, name=f"{self._name}.adapted")


def _sizes(linear):
    """(features in, features out)."""
    return linear.weight.shape[::-1] if linear._is_transposed else linear.weight.shape


def _is_fused(module):
    """Whether it holds the maps that files fuse into one, as GPT-2's c_attn."""
    return type(module) is Module and [name for name, _ in module.children()] == ["q", "k", "v"]


def _check(parent, name, module):
    if not isinstance(module, Linear) and not _is_fused(module):
        refuse(f'lora: requires linear maps as targets, got "{name}" of type {type(module).__name__}')
    if _is_fused(parent):
        refuse(f'lora: requires the module as files have it, with q, k and v in one, got "{name}"')


def _adapt(parent, name, module, config):
    """Puts the adapted module in the place of one."""
    if isinstance(module, Linear):
        config.input_major = config.input_major or not module._is_transposed
        setattr(parent, name, LowRank(module, config))
        return
    parts = module.children()
    module.lora_A = Linear(_sizes(module.q)[0], config.rank, bias=False)  # of the one input
    for part_name, part in parts:
        config.input_major = config.input_major or not part._is_transposed
        setattr(module, part_name, LowRank(part, config, module.lora_A))


def _modules(module):
    for _, child in module.children():
        yield child
        yield from _modules(child)


def _targets(module, wanted, path=""):
    """(parent, attribute, module, target) of all modules that have one of these names, or end in a dot and one."""
    for name, child in module.children():
        full = f"{path}.{name}" if path else name
        found = [target for target in wanted if full == target or full.endswith("." + target)]
        if found and name in vars(module):
            yield module, name, child, found[0]
        else:
            yield from _targets(child, wanted, full)


@reports
def lora(model: Module, targets: str | Iterable[str], *, rank: int = 8, alpha: float = 16,
         dropout: float = 0.0) -> Module:
    """Adapts linear maps of a model: each gets alpha / rank * B A besides its weight, with A [rank, in] drawn and
    B [out, rank] zero at first. From then on only these learn.

    Args:
        targets: names of modules, or what stands behind a dot at their end: ["q_proj", "v_proj"].
        dropout: rate on what A reads, in training.

    Returns:
        The model. `Trainer.save_adapter` writes what has been learnt, `load_adapter` reads it.
    """
    if not isinstance(model, Module):
        refuse(f"lora: requires a cleave.nn.Module, got {type(model).__name__}")
    if model.adapter is not None:
        refuse("lora: requires a model without an adapter, got one that has it")
    if any(isinstance(module, LowRank) for module in _modules(model)):
        refuse("lora: requires a model without an adapter, got one of which a part has it")
    if isinstance(rank, bool) or not isinstance(rank, int) or not 1 <= rank <= _core.LARGEST_RANK:
        refuse(f"lora: requires a rank of at least 1 and at most {_core.LARGEST_RANK}, got {rank!r}")
    for name, value, largest in (("alpha", alpha, _core.LARGEST_ALPHA), ("dropout", dropout, _core.LARGEST_DROPOUT)):
        if not 0 <= value <= largest:
            refuse(f"lora: requires {name} from 0 to {largest:g}, got {value!r}")
    wanted = [targets] if isinstance(targets, str) else list(targets)
    config = _core.AdapterConfig()
    config.rank, config.alpha, config.dropout, config.targets = rank, alpha, dropout, wanted
    found = list(_targets(model, wanted))
    for target in wanted:
        if target not in (each[3] for each in found):
            refuse(f'lora: requires targets that name modules of the model, got "{target}"')
    for parent, name, module, _ in found:
        _check(parent, name, module)
    own = [parameter for _, parameter in model.named_parameters()]
    for parent, name, module, _ in found:
        _adapt(parent, name, module, config)
    for parameter in own:
        parameter.trainable = False
    config.base_model, config.task_type = str(getattr(model, "weights", None) or ""), getattr(model, "task_type", "")
    model.adapter = config
    model._changed()
    return model


@reports
def load_adapter(model: Module, folder: str | os.PathLike[str]) -> Module:
    """Adapts a model as a folder says that PEFT or `Trainer.save_adapter` wrote; its trainers start from what was
    learnt."""
    config = _core.AdapterConfig.read(str(folder))
    lora(model, config.targets, rank=config.rank, alpha=config.alpha, dropout=config.dropout)
    model.adapter_folder = str(folder)
    return model
