"""Data: batches made ahead of the steps that take them, states that checkpoints hold, and mixtures of sources."""

from __future__ import annotations

import atexit
import base64
import importlib
import json
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping
from queue import SimpleQueue
from typing import Any

from . import _core
from .errors import Error, refuse, reports, user_place

_END = object()
Batch = Mapping[str, Any]  # arrays of NumPy, or of what speaks DLPack, by input name


def state_of(data: Any) -> str:
    """JSON of what `data.state_dict()` gives; empty for data that keep no state."""
    if not callable(getattr(data, "state_dict", None)):
        return ""
    return json.dumps(_encoded(data.state_dict(), "state_dict()"))


def load_state(data: Any, text: str) -> None:
    """Brings data to where `text`, which state_of gave, says."""
    data.load_state_dict(json.loads(text, object_hook=_decoded))


# What JSON lacks stands in an object of one such key: loaded, a state is what it was.
_TUPLE, _BYTES, _ARRAY, _TENSOR = "$tuple", "$bytes", "$array", "$tensor"


def _encoded(value, where):
    """The value as JSON has it. NumPy's numbers become Python's."""
    if isinstance(value, dict):
        for key in value:
            if type(key) is not str or key.startswith("$"):
                refuse(f"data: requires texts that don't begin with $ as keys of {where}, got {key!r}")
        return {key: _encoded(inner, f"{where}[{key!r}]") for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        items = [_encoded(inner, f"{where}[{index}]") for index, inner in enumerate(value)]
        return {_TUPLE: items} if isinstance(value, tuple) else items
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, bytes):
        return {_BYTES: base64.b64encode(value).decode()}
    package, kind = type(value).__module__.partition(".")[0], type(value).__name__
    if package == "torch" and kind == "Tensor" and value.device.type == "cpu" and str(value.dtype) != "torch.bfloat16":
        return {_TENSOR: _of_array(value.detach().numpy())}
    if package == "numpy" and getattr(value, "dtype", None) is not None and value.dtype.kind in "biuf":
        return {_ARRAY: _of_array(value)} if kind == "ndarray" else value.item()
    refuse(f"data: requires dictionaries, lists, tuples, numbers, texts, bytes, arrays and None in {where}, which "
           f"checkpoints keep as JSON, got {kind}")


def _of_array(array):
    return [array.dtype.str, list(array.shape), base64.b64encode(array.tobytes()).decode()]


def _decoded(fields):
    """What an object of JSON stands for."""
    for key, value in fields.items() if len(fields) == 1 else ():
        if key == _TUPLE:
            return tuple(value)
        if key == _BYTES:
            return base64.b64decode(value)
        if key in (_ARRAY, _TENSOR):
            import numpy

            dtype, shape, data = value
            array = numpy.frombuffer(base64.b64decode(data), dtype).reshape(shape).copy()
            return array if key == _ARRAY else importlib.import_module("torch").from_numpy(array)
    return fields


class _Producer:
    """Takes batches from an iterable. Belongs to one thread."""

    def __init__(self, data):
        self._data, self._iterator, self._taken = data, None, 0

    def next(self):
        """The next batch; an iterable that has ended begins anew. Raises what the iterable raises."""
        for _ in range(2):
            if self._iterator is None:
                self._iterator = iter(self._data)
            batch = next(self._iterator, _END)
            if batch is not _END:
                self._taken += 1
                return batch
            ended, self._iterator = self._iterator, None
            if self._taken and ended is self._data:
                refuse(f"data: requires batches that last, or an iterable that begins anew, got an iterator that ended "
                       f"after {self._taken} batches")
        refuse("data: requires at least one batch, got none")

    def next_with_state(self):
        """(batch, JSON of the state behind it, the error of a state that can't be kept)."""
        batch = self.next()
        try:
            return batch, state_of(self._data), None
        except Error as error:  # matters where a checkpoint is written
            return batch, "", error


_serving: dict[threading.Thread, SimpleQueue[bool]] = {}  # threads, and what ends them


def _copied(batch):
    """The batch with arrays of its own: data may fill the ones that they gave anew while a step still reads them."""
    if not isinstance(batch, Mapping):
        return batch  # refused where it is taken
    copies = {"numpy": "copy", "torch": "clone"}
    return {name: getattr(array, copies.get(type(array).__module__.partition(".")[0], ""), lambda array=array: array)()
            for name, array in batch.items()}


def _serve(producer, requests, results):
    while requests.get():
        try:
            batch, *state = producer.next_with_state()
            results.put(((_copied(batch), *state), None))
        except BaseException as error:  # raised where the batch is taken
            results.put((None, error))
    _serving.pop(threading.current_thread(), None)


@atexit.register
def _end_threads():
    """The interpreter ends without what data hold, unless they don't come back."""
    for thread, requests in list(_serving.items()):
        requests.put(False)
        thread.join(timeout=1)


def at_users_line(error: BaseException) -> BaseException:
    """The error; one of ours that was made in the thread above, where no frame is the user's, at the caller's line."""
    if isinstance(error, Error) and error.file == threading.__file__:
        return Error(error.rule, *user_place())
    return error


class Prefetcher:
    """Batches in the data's order, some of them made ahead by a thread of its own, which alone iterates over the data.

    Args:
        data: an iterable of batches; one with `state_dict` knows where it is.
        ahead: how many batches are made ahead; 0: each in the thread that takes it.
    """

    def __init__(self, data: Iterable[Batch], ahead: int) -> None:
        self._ahead, self._pending = ahead, 0
        self._producer = _Producer(data)
        self._requests: SimpleQueue[bool] | None = None
        self._results: SimpleQueue[Any] = SimpleQueue()

    def _start(self):
        self._requests = SimpleQueue()
        arguments = self._producer, self._requests, self._results
        thread = threading.Thread(target=_serve, args=arguments, name="cleave data", daemon=True)
        _serving[thread] = self._requests
        thread.start()
        weakref.finalize(self, self._requests.put, False)  # the thread holds nothing of this object

    def take(self, wanted: int) -> tuple[Batch, str, Error | None]:
        """The next batch, of `wanted` that are still to be taken: no more than these are made. With it JSON of where
        the data stand behind it, or why that is none.

        Raises what the data raise, with its traceback.
        """
        if self._ahead == 0:
            return self._producer.next_with_state()
        if self._requests is None:
            self._start()
        self._request(1)
        made, error = self._results.get()
        self._pending -= 1
        if error is not None:
            raise at_users_line(error)
        self._request(min(self._ahead, wanted - 1))
        return made

    def _request(self, batches):
        while self._pending < batches:
            self._pending += 1
            self._requests.put(True)


class Mixture:
    """Batches of several sources. Each comes from one of them, which is drawn by weight.

    A source that ends begins anew. Draws follow from `seed` and their number alone, so a run that goes on takes the
    batches that it would have taken: sources with `state_dict` are brought to where they were, and others, which must
    give the same batches each time, are read up to there.

        data = cleave.Mixture({"books": (books, 3.0), "code": (code, 1.0)}, seed=7)

    Args:
        sources: {name: (iterable of batches, weight)}.
        seed: of the draws.

    Raises:
        cleave.Error: for a weight that is not above 0, and data that are no iterable.
    """

    @reports
    def __init__(self, sources: Mapping[str, tuple[Iterable[Batch], float]], seed: int = 0) -> None:
        if not isinstance(sources, Mapping) or not all(isinstance(name, str) for name in sources):
            refuse(f"Mixture: requires a dictionary {{name: (batches, weight)}}, got {sources!r}")
        for name, source in sources.items():
            if not isinstance(source, tuple) or len(source) != 2:
                refuse(f'Mixture: requires (batches, weight) for "{name}", got {source!r}')
            if not isinstance(source[0], Iterable):
                refuse(f'Mixture: requires an iterable of batches for "{name}", got {type(source[0]).__name__}')
            if type(source[1]) not in (int, float):
                refuse(f'Mixture: requires a number as weight of "{name}", got {source[1]!r}')
        if type(seed) is not int or not 0 <= seed < 2**64:
            refuse(f"Mixture: requires a seed from 0 to 2^64-1, got {seed!r}")
        self._sources = {name: source for name, (source, _) in sources.items()}
        self._weights = {name: float(weight) for name, (_, weight) in sources.items()}
        self._seed, self._names = seed, list(sources)
        self._draw = _core.SourceDraw.create(list(self._weights.values()), seed)
        self._begin()

    def _begin(self):
        self._drawn = 0
        self._producers = {name: _Producer(source) for name, source in self._sources.items()}
        self._taken = dict.fromkeys(self._names, 0)

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        name = self._names[self._draw.source_of(self._drawn)]
        batch = self._producers[name].next()
        self._drawn += 1
        self._taken[name] += 1
        return batch

    @reports
    def state_dict(self) -> dict[str, Any]:
        """Where the mixture and its sources stand."""
        states = {}
        for name, source in self._sources.items():
            states[name] = {"taken": self._taken[name]}
            if callable(getattr(source, "state_dict", None)):
                states[name]["state"] = source.state_dict()
        return {"seed": self._seed, "weights": dict(self._weights), "drawn": self._drawn, "sources": states}

    @reports
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from where state_dict() was taken, of a mixture of the same names, weights and seed."""
        if not isinstance(state, Mapping) or not {"seed", "weights", "drawn", "sources"} <= state.keys():
            refuse(f"Mixture: requires what a Mixture's state_dict gave, got {state!r}")
        for what, seen in (("seed", self._seed), ("weights", self._weights)):
            if json.dumps(state[what]) != json.dumps(seen):
                refuse(f"Mixture: requires the {what} that its state has, {state[what]}, got {seen}")
        for name, source in self._sources.items():
            if self._taken[name] and isinstance(source, Iterator) and "state" not in state["sources"][name]:
                refuse(f'Mixture: requires an iterable that begins anew or keeps a state for "{name}", got an iterator '
                       f"of which {self._taken[name]} batches were taken")
        self._begin()
        self._drawn = state["drawn"]
        for name, saved in state["sources"].items():
            self._taken[name] = saved["taken"]
            if "state" in saved:
                self._sources[name].load_state_dict(saved["state"])
                continue
            for _ in range(saved["taken"]):
                self._producers[name].next()
