"""Running plans: steps on batches of arrays."""

from __future__ import annotations

import math
import os
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from . import _core, generation
from .data import Batch, Prefetcher, at_users_line, load_state, state_of
from .errors import Error, refuse, reports, user_place
from .plan import Plan
from .tokenizer import Tokenizer

Callback = Callable[[_core.StepMetrics], object]


class Trainer:
    """Runs the steps of a plan on this machine's devices.

    Parameters start from `weights` (a safetensors file, an index or a folder), from the plan's model if that was
    loaded, or are drawn by `seed`. The interpreter's lock is released while a step runs; Ctrl-C takes effect between
    steps.

    Args:
        plan: a cleave.Plan.
        data: an iterable of batches for `fit`: dictionaries of arrays (NumPy or DLPack) by input name. An array of the
            input's own dtype is read where it lies. One that ends begins anew. Checkpoints keep where data stand that
            have `state_dict()` and `load_state_dict(state)`, as PyTorch's StatefulDataLoader does (plain values and
            arrays).
        seed: of drawn parameters and of dropout.
        resume: a folder of checkpoints: the run goes on from the newest one, and so do data that keep a state.
        prefetch: how many batches `fit` makes ahead, in a thread of its own, while steps run. That copies arrays of
            NumPy and PyTorch once, so that data may fill the same ones anew.
        threads: of each device; 0: cores / devices.
        deadline: seconds without progress after which a step is given up.
        trace: whether what each device did in the last step is kept, for `report`.
    """

    @reports
    def __init__(self, plan: Plan, data: Iterable[Batch] | None = None, *,
                 weights: str | os.PathLike[str] | None = None, seed: int = 0,
                 resume: str | os.PathLike[str] | None = None, prefetch: int = 1, threads: int = 0,
                 deadline: float = 60.0, trace: bool = False) -> None:
        if not isinstance(plan, Plan):
            refuse(f"Trainer: requires a cleave.Plan, got {type(plan).__name__}")
        if data is not None and not isinstance(data, Iterable):
            refuse(f"Trainer: requires an iterable of batches as data, got {type(data).__name__}")
        if type(prefetch) is not int or prefetch < 0:
            refuse(f"Trainer: requires a number of batches as prefetch, got {prefetch!r}")
        self.plan, self._data = plan, data
        self._ahead = None if data is None else Prefetcher(data, prefetch)
        self._refused_state: Error | None = None  # of the data, behind the last step of `fit`
        self._loops_itself = True  # steps come from `step`, not from `fit`
        self._session = _core.RunSession(plan._handle, threads, deadline, trace)
        self._history = _core.RunHistory()
        of_model = getattr(plan.model, "weights", None)  # of a model of one's own it may be anything
        source = weights if weights is not None else of_model if isinstance(of_model, (str, os.PathLike)) else None
        has_adapter = resume is not None
        if resume is not None:
            self._session.resume(str(resume))
            self._resume_data()
        elif source is not None:
            has_adapter = self._session.load_weights(str(source), seed)
        else:
            self._session.draw(seed)
        adapter = getattr(plan.model, "adapter_folder", None)
        if adapter is not None and not has_adapter:
            self._session.load_adapter(adapter)

    def _resume_data(self):
        state = self._session.data_state
        if state and callable(getattr(self._data, "load_state_dict", None)):
            load_state(self._data, state)
        elif state and self._data is not None:
            message = "the resumed run's data kept a state, which data without load_state_dict can't take: they begin anew"
            warnings.warn_explicit(message, UserWarning, *user_place())
            self._session.data_state = ""

    @property
    def steps(self) -> int:
        """How many steps have been taken in all, those before a resumption included."""
        return self._session.steps

    @reports
    def step(self, batch: Batch) -> _core.StepMetrics:
        """Takes one step on a batch and gives its StepMetrics: loss, grad_norm, lr, step_ms, ..."""
        self._loops_itself = True
        return self._step(batch, None)

    def _step(self, batch, data_state):
        if not isinstance(batch, Mapping):
            refuse(f"step: requires a dictionary of arrays by input name, got {type(batch).__name__}")
        metrics = self._session.step(batch if type(batch) is dict else dict(batch), data_state)
        self._history.add(metrics)
        return metrics

    @reports
    def evaluate(self, batches: Iterable[Batch]) -> float:
        """Mean loss over all labels of the batches that count."""
        return self._evaluation(batches).loss

    @reports
    def evaluate_metrics(self, batches: Iterable[Batch]) -> dict[str, float]:
        """The metrics that the model's loss gives, over all of the batches: over what each counts, or, of a mean, over
        batches. With them "loss"."""
        evaluation = self._evaluation(batches)
        return {"loss": evaluation.loss, **evaluation.named}

    def _evaluation(self, batches):
        evaluation = _core.Evaluation()
        for batch in batches:
            if not isinstance(batch, Mapping):
                refuse(f"evaluate: requires dictionaries of arrays by input name, got {type(batch).__name__}")
            self._session.evaluate(dict(batch), evaluation)
        return evaluation

    @reports
    def fit(self, steps: int, *, metrics: str | os.PathLike[str] | None = None,
            tensorboard: str | os.PathLike[str] | None = None,
            checkpoint: str | os.PathLike[str] | None = None, checkpoint_every: int = 0,
            eval_data: Iterable[Batch] | None = None, eval_every: int = 0,
            callbacks: Callback | Iterable[Callback] = (), progress: bool = True,
            allow_nonfinite: bool = False, report: str | os.PathLike[str] | None = None) -> _core.StepMetrics | None:
        """Takes steps until there are `steps` in all, and gives the last one's metrics.

        Args:
            metrics: a path: one JSON object a step, as `cleave train --metrics` writes them.
            tensorboard: a folder: the same as an event file, for TensorBoard.
            checkpoint: a folder: checkpoints every `checkpoint_every` steps and at the end, Ctrl-C's too.
            eval_data: batches whose mean loss is the metrics' eval_loss, and whose metrics are eval_named, every
                `eval_every` steps and at the end.
            callbacks: called with each step's metrics, in order; one that gives True ends the run.
            progress: whether stderr shows it.
            report: a path: a page about the run is written at its end; see `report`.

        Raises:
            cleave.Error: for a batch that the plan can't take, or a loss that is not finite; what the data and the
                callbacks raise comes through as it is.
        """
        callbacks = self._checked(callbacks, eval_data, eval_every)
        if checkpoint is not None and self._loops_itself:
            self._session.data_state = state_of(self._data)  # behind a loop of the user's own
        files: list[_core.MetricsFile | _core.EventFile] = []
        if metrics is not None:
            files.append(_core.MetricsFile.open(str(metrics), self.steps))
        if tensorboard is not None:
            files.append(_core.EventFile.create(str(tensorboard), self.steps))
        shown = _core.Progress(steps) if progress else None
        if report is not None:
            _core.check_can_write(str(report))
        last, saved, ends = None, -1, False
        try:
            while self.steps < steps and not ends:
                batch, state, waited = self._take(steps - self.steps, checkpoint is not None)
                try:
                    last = self._step(batch, state)
                except Error:
                    checkpoint = None  # what a step that failed has left is none
                    raise
                last.data_ms = waited
                if eval_data is not None and (last.step == steps or eval_every and last.step % eval_every == 0):
                    evaluation = self._evaluation(eval_data)
                    last.eval_loss, last.eval_named = evaluation.loss, evaluation.named
                self._history.add(last)
                for file in files:
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
                for callback in callbacks:
                    ends |= callback(last) is True
        finally:
            if checkpoint is not None and self.steps not in (0, saved):
                self._session.save_checkpoint(str(checkpoint))
            for file in files:
                file.flush()
            if report is not None and last is not None:
                self.report(report)
        return last

    @reports
    def report(self, path: str | os.PathLike[str]) -> None:
        """Writes a page about the steps that this trainer has taken: loss, throughput, memory, the plan, and with
        Trainer(..., trace=True) a timeline of the last step. It is one file that a browser shows without a network;
        `cleave report` makes the same of a metrics file."""
        _core.write_file(str(path), self._history.report(self.plan._handle, self._session.last_trace()))

    def _checked(self, callbacks, eval_data, eval_every):
        """What fit is given can be used; the callbacks as a list."""
        if self._data is None:
            refuse("fit: requires data, as Trainer(plan, data=batches), got none")
        if isinstance(eval_data, Iterator):
            refuse("fit: requires eval_data that begin anew each time, got an iterator")
        if eval_every and eval_data is None:
            refuse(f"fit: requires eval_data to evaluate every {eval_every} steps, got none")
        callbacks = [callbacks] if callable(callbacks) else list(callbacks)
        for callback in callbacks:
            if not callable(callback):
                refuse(f"fit: requires callables as callbacks, got {callback!r}")
        return callbacks

    def _take(self, wanted, saves):
        """The data's next batch, of `wanted` that are to be taken, where the data stand behind it, and the milliseconds
        of waiting for it."""
        self._loops_itself = False
        start = time.perf_counter()
        batch, state, self._refused_state = self._ahead.take(wanted)
        if saves and self._refused_state is not None:
            raise at_users_line(self._refused_state)
        return batch, state, (time.perf_counter() - start) * 1e3

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
        """Writes all that a run needs to go on; Trainer(plan, resume=folder) goes on bitwise equal.

        The data's state is that behind the last step of `fit`; in a loop of one's own, where the data stand now.
        """
        if self._loops_itself:
            self._session.data_state = state_of(self._data)
        elif self._refused_state is not None:
            raise at_users_line(self._refused_state)
        return self._session.save_checkpoint(str(folder))

    @reports
    def run(self, entry: str, batch: Batch) -> dict[str, Any]:
        """Runs an entry of the plan ("logits", ...) and gives its outputs as NumPy arrays by name."""
        return self._session.run(entry, dict(batch))

    @reports
    def close(self) -> None:
        """Gives the devices' memory back; the trainer refuses further use."""
        self._session.close()
        self._ahead = None if self._data is None else Prefetcher(self._data, 0)  # ends the thread

    def __enter__(self) -> Trainer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
