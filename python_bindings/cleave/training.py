"""Running plans: steps on batches of arrays."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from . import _core, generation
from .errors import Error, refuse, reports
from .plan import Plan
from .tokenizer import Tokenizer

Batch = Mapping[str, Any]  # arrays of NumPy, or of what speaks DLPack, by input name


class Trainer:
    """Runs the steps of a plan on this machine's devices.

    Parameters start from `weights` (a safetensors file, an index or a folder), from the plan's model if that was
    loaded, or are drawn by `seed`. The interpreter's lock is released while a step runs; Ctrl-C takes effect between
    steps.

    Args:
        plan: a cleave.Plan.
        data: an iterable of batches for `fit`: dictionaries of arrays (NumPy or DLPack) by input name. An array of the
            input's own dtype is read where it lies.
        threads: of each device; 0: cores / devices.
        deadline: seconds without progress after which a step is given up.
    """

    @reports
    def __init__(self, plan: Plan, data: Iterable[Batch] | None = None, *,
                 weights: str | os.PathLike[str] | None = None, seed: int = 0,
                 resume: str | os.PathLike[str] | None = None, threads: int = 0, deadline: float = 60.0) -> None:
        if not isinstance(plan, Plan):
            refuse(f"Trainer: requires a cleave.Plan, got {type(plan).__name__}")
        self.plan, self._data, self._batches = plan, data, None
        self._session = _core.RunSession(plan._handle, threads, deadline)
        source = weights if weights is not None else getattr(plan.model, "weights", None)
        if resume is not None:
            self._session.resume(str(resume))
        elif source is not None:
            self._session.load_weights(str(source), seed)
        else:
            self._session.draw(seed)
        adapter = getattr(plan.model, "adapter_folder", None)
        if resume is None and adapter is not None:
            self._session.load_adapter(adapter)

    @property
    def steps(self) -> int:
        """How many steps have been taken in all, those before a resumption included."""
        return self._session.steps

    @reports
    def step(self, batch: Batch) -> _core.StepMetrics:
        """Takes one step on a batch and gives its StepMetrics: loss, grad_norm, lr, step_ms, ..."""
        if not isinstance(batch, Mapping):
            refuse(f"step: requires a dictionary of arrays by input name, got {type(batch).__name__}")
        return self._session.step(batch if type(batch) is dict else dict(batch))

    @reports
    def evaluate(self, batches: Iterable[Batch]) -> float:
        """Mean loss over all labels of the batches that count."""
        total = count = 0.0
        for batch in batches:
            loss, tokens = self._session.evaluate(dict(batch))
            total, count = total + loss, count + tokens
        return total / count if count else 0.0

    @reports
    def fit(self, steps: int, *, metrics: str | os.PathLike[str] | None = None,
            checkpoint: str | os.PathLike[str] | None = None, checkpoint_every: int = 0,
            callback: Callable[[_core.StepMetrics], object] | None = None, progress: bool = True,
            allow_nonfinite: bool = False) -> _core.StepMetrics | None:
        """Takes steps until there are `steps` in all, and gives the last one's metrics.

        Args:
            metrics: a path: one JSON object a step, as `cleave train --metrics` writes them.
            checkpoint: a folder: checkpoints every `checkpoint_every` steps and at the end, Ctrl-C's too.
            callback: called with each step's metrics; True ends the run.
            progress: whether stderr shows it.
        """
        file = _core.MetricsFile.open(str(metrics), self.steps) if metrics is not None else None
        shown = _core.Progress(steps) if progress else None
        last, saved = None, -1
        try:
            while self.steps < steps:
                batch, waited = self._next_batch()
                try:
                    last = self.step(batch)
                except Error:
                    checkpoint = None  # what a step that failed has left is none
                    raise
                last.data_ms = waited
                if file is not None:
                    file.write(last)
                if shown is not None:
                    shown.show(last)
                if not allow_nonfinite and not (math.isfinite(last.loss) and math.isfinite(last.grad_norm)):
                    checkpoint = None
                    refuse(f"step {last.step}: requires a finite loss and gradient norm, got {last.loss} and "
                           f"{last.grad_norm}")
                if checkpoint is not None and checkpoint_every and last.step % checkpoint_every == 0:
                    self._session.save_checkpoint(str(checkpoint))
                    saved = self.steps
                if callback is not None and callback(last) is True:
                    break
        finally:
            if file is not None:
                file.flush()
            if checkpoint is not None and self.steps not in (0, saved):
                self._session.save_checkpoint(str(checkpoint))
        return last

    def _next_batch(self):
        """The next batch and the milliseconds that it took; an iterable that has ended begins anew."""
        start = time.perf_counter()
        if self._data is None:
            refuse("fit: requires data, as Trainer(plan, data=batches), got none")
        for _ in range(2):
            if self._batches is None:
                self._batches = iter(self._data)
            batch = next(self._batches, None)
            if batch is not None:
                return batch, (time.perf_counter() - start) * 1e3
            self._batches = None
        refuse("fit: requires data with at least one batch, got none")

    @reports
    def read(self, name: str) -> Any:
        """A parameter, or a state of the optimizer, as a NumPy array."""
        return self._session.read(name)

    @reports
    def write(self, name: str, value: Any) -> None:
        """Sets a parameter from an array of its shape and dtype."""
        self._session.write(name, value)

    @reports
    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the weights under the names of the model's family: to a .safetensors file, or as "model.safetensors"
        into a folder, beside the "config.json" of a model that has one."""
        path = str(path)
        if path.endswith(".safetensors"):
            self._session.save_weights(path)
            return
        os.makedirs(path, exist_ok=True)
        self._session.save_weights(os.path.join(path, "model.safetensors"))
        write_config = getattr(self.plan.model, "write_config", None)
        if write_config is not None:
            write_config(path)

    @reports
    def save_adapter(self, folder: str | os.PathLike[str]) -> None:
        """Writes the adapter of a model that cleave.lora has adapted, as Hugging Face PEFT reads it:
        "adapter_config.json" and "adapter_model.safetensors"."""
        config = getattr(self.plan.model, "adapter", None)
        if config is None:
            refuse("save_adapter: requires a model that cleave.lora has adapted, got one that isn't")
        self._session.save_adapter(str(folder), config)

    @reports
    def generate(self, prompt: str | Sequence[int], max_new_tokens: int = 50, *, tokenizer: Tokenizer | None = None,
                 temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0, seed: int = 0,
                 stop: int | str | Iterable[int | str] | None = None) -> Any:
        """What a causal model writes behind a prompt, or one with an encoder in answer to it.

        Each token takes one run of entry "logits" on the whole text so far, at the plan's own length: what stands
        behind it is hidden from it, so that the scores are those that `run("logits", ...)` gives for the padded text,
        to the last bit. A causal model's text that has become longer than the plan's `seq` is cut at its beginning.

        Args:
            prompt: a text (then with a tokenizer), or integers [tokens].
            temperature: 0 takes the likeliest token, larger ones flatten the probabilities.
            top_k: choose among so many of the likeliest; 0: among all.
            top_p: choose among the fewest of these that are so probable together.
            seed: of the draws: the same gives the same text.
            stop: tokens or texts that end it, and are no part of it.

        Returns:
            Text for a text, else tokens [n] of int32, without the prompt.
        """
        return generation.generate(self._session, prompt, tokenizer, max_new_tokens=max_new_tokens,
                                   temperature=temperature, top_k=top_k, top_p=top_p, seed=seed, stop=stop)

    @reports
    def checkpoint(self, folder: str | os.PathLike[str]) -> str:
        """Writes all that a run needs to go on; Trainer(plan, resume=folder) goes on bitwise equal."""
        return self._session.save_checkpoint(str(folder))

    @reports
    def run(self, entry: str, batch: Batch) -> dict[str, Any]:
        """Runs an entry of the plan ("logits", ...) and gives its outputs as NumPy arrays by name."""
        return self._session.run(entry, dict(batch))

    @reports
    def close(self) -> None:
        """Gives the devices' memory back; the trainer refuses further use."""
        self._session.close()

    def __enter__(self) -> Trainer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
