"""Tensors of a model under construction. Operators on them make ops of the model, in its C++ builder."""

import contextlib
import contextvars

from . import _core
from .errors import refuse, reports, user_place

_current = contextvars.ContextVar("the model under construction", default=None)


class Trace:
    """One model under construction: the builder, and what calls on modules need to know."""

    def __init__(self, dropout=None):
        self.builder = _core.Builder()
        self.dropout = dropout  # replaces all rates, unless it is None
        self.training = False
        self.pins = []  # (name, {axis: placement})
        self._scopes = []
        self._scope = ""

    @contextlib.contextmanager
    def active(self):
        token = _current.set(self)
        try:
            yield self
        finally:
            _current.reset(token)

    @contextlib.contextmanager
    def scope(self, path):
        """Names of ops lie in the module of that path, wherever the call comes from."""
        before = self._scope
        self._enter(path)
        try:
            yield
        finally:
            self._enter(before)

    def _enter(self, path):
        if self._scope:
            self.builder.pop_scope()
        if path:
            self.builder.push_scope(path)
        self._scope = path

    @contextlib.contextmanager
    def layer(self, mark):
        """Ops belong to layer (class, instance); None: to none of their own."""
        if mark is not None:
            self.builder.push_layer(*mark)
        try:
            yield
        finally:
            if mark is not None:
                self.builder.pop_layer()

    def rate(self, configured):
        """A rate of dropout in the entry under way."""
        if not self.training:
            return 0.0
        return configured if self.dropout is None else self.dropout

    def call(self, method, name, *args):
        """An op at the user's line, as a Tensor."""
        result = self.call_raw(method, name, *args)
        return tuple(map(Tensor, result)) if isinstance(result, tuple) else Tensor(result)

    def call_raw(self, method, name, *args):
        """The same, as what the builder gives."""
        args = [_values(argument, self) for argument in args]
        self.builder.set_location(*user_place())
        return getattr(self.builder, method)(name, *args)

    def value(self, tensor):
        """A Tensor, or a parameter of the model, as the builder's value."""
        if isinstance(tensor, Tensor):
            return tensor._value
        if isinstance(tensor, Parameter):
            return tensor._in(self)
        refuse(f"requires a tensor of the model, got {type(tensor).__name__}")


def _values(argument, trace):
    if isinstance(argument, (Tensor, Parameter)):
        return trace.value(argument)
    if isinstance(argument, list) and argument and isinstance(argument[0], (Tensor, Parameter)):
        return [trace.value(each) for each in argument]
    return argument


def current():
    """The model under construction; an error outside of one."""
    trace = _current.get()
    if trace is None:
        refuse("requires a model under construction: modules and tensors are used inside cleave.compile")
    return trace


class _Operators:
    """What tensors and parameters have in common."""

    @reports
    def _binary(self, method, other, swapped=False):
        trace = current()
        if isinstance(other, (int, float)) and not isinstance(other, bool):
            if method == "multiply" and self.dtype == "float32":
                return trace.call("scale", "scale", self, float(other))
            if method == "divide" and not swapped and other != 0:
                return trace.call("scale", "scale", self, 1 / other)
        other = _operand(trace, self, other)
        left, right = (other, self) if swapped else (self, other)
        shape = _core.broadcast_shape(list(left.shape), list(right.shape))
        if shape is None:
            refuse(f"{method}: requires shapes that broadcast, got {_shape(left)} and {_shape(right)}")
        left, right = (trace.call("broadcast_to", "broadcast", each, shape) for each in (left, right))
        return trace.call(method, method, left, right)

    def __add__(self, other):
        return self._binary("add", other)

    def __radd__(self, other):
        return self._binary("add", other, swapped=True)

    def __sub__(self, other):
        return self._binary("subtract", other)

    def __rsub__(self, other):
        return self._binary("subtract", other, swapped=True)

    def __mul__(self, other):
        return self._binary("multiply", other)

    def __rmul__(self, other):
        return self._binary("multiply", other, swapped=True)

    def __truediv__(self, other):
        return self._binary("divide", other)

    def __rtruediv__(self, other):
        return self._binary("divide", other, swapped=True)

    def __pow__(self, other):
        return self._binary("power", other)

    def __rpow__(self, other):
        return self._binary("power", other, swapped=True)

    @reports
    def _compare(self, direction, other):
        trace = current()
        left, right = self, _operand(trace, self, other)
        shape = _core.broadcast_shape(list(left.shape), list(right.shape))
        if shape is None:
            refuse(f"compare: requires shapes that broadcast, got {_shape(left)} and {_shape(right)}")
        left, right = (trace.call("broadcast_to", "broadcast", each, shape) for each in (left, right))
        return trace.call("compare", "compare", left, right, direction)

    def __lt__(self, other):
        return self._compare("lt", other)

    def __le__(self, other):
        return self._compare("le", other)

    def __gt__(self, other):
        return self._compare("gt", other)

    def __ge__(self, other):
        return self._compare("ge", other)

    def __neg__(self):
        return self._binary("multiply", -1)

    @reports
    def __matmul__(self, other):
        if not isinstance(other, _Operators):
            refuse(f"requires a tensor, got {type(other).__name__}")
        return current().call("matmul", "matmul", self, other, False, None)

    @reports
    def reshape(self, *shape):
        """The same elements, row-major, in another shape; one size may be -1."""
        shape = list(shape[0]) if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else list(shape)
        if shape.count(-1) == 1:
            known = total = 1
            for size in shape:
                known *= size if size != -1 else 1
            for size in self.shape:
                total *= size
            shape[shape.index(-1)] = total // known if known > 0 else 0
        return current().call("reshape", "reshape", self, shape)

    @reports
    def transpose(self, *permutation):
        """Dimension i of the result is dimension permutation[i] of this tensor."""
        return current().call("transpose", "transpose", self, list(permutation))

    @reports
    def _reduce(self, kind, dim):
        rank = len(self.shape)
        dims = range(rank) if dim is None else [dim] if isinstance(dim, int) else dim
        dims = sorted(d + rank if d < 0 else d for d in dims)
        return current().call("reduce", kind, self, kind, dims)

    def sum(self, dim=None):
        """Sum along one dimension, several, or all."""
        return self._reduce("sum", dim)

    def mean(self, dim=None):
        """Mean along one dimension, several, or all."""
        return self._reduce("mean", dim)

    def max(self, dim=None):
        """Maximum along one dimension, several, or all."""
        return self._reduce("max", dim)

    def min(self, dim=None):
        """Minimum along one dimension, several, or all."""
        return self._reduce("min", dim)

    @reports
    def __getitem__(self, index):
        """Slices by numbers known now: x[:, 0:4]. A single number takes its dimension away."""
        index = index if isinstance(index, tuple) else (index,)
        if len(index) > len(self.shape):
            refuse(f"requires at most {len(self.shape)} indices, got {len(index)}")
        starts, limits, kept = [], [], []
        for d, size in enumerate(self.shape):
            part = index[d] if d < len(index) else slice(None)
            if isinstance(part, int):
                part = part + size if part < 0 else part
                starts.append(part)
                limits.append(part + 1)
            elif isinstance(part, slice) and part.step in (None, 1):
                start, limit, _ = part.indices(size)
                starts.append(start)
                limits.append(limit)
                kept.append(limit - start)
            else:
                refuse(f"requires numbers or slices of step 1 as indices, got {part!r}")
        sliced = current().call("slice", "slice", self, starts, limits)
        return sliced if len(kept) == len(self.shape) else sliced.reshape(kept)


def _operand(trace, beside, other):
    """A tensor, or a number as one of the shape and dtype of the tensor beside it."""
    if isinstance(other, (int, float)) and not isinstance(other, bool):
        if beside.dtype == "int32" and isinstance(other, float) and not other.is_integer():
            refuse(f"requires a whole number beside int32, got {other!r}")
        return trace.call("fill", "constant", list(beside.shape), beside.dtype == "float32", float(other))
    if not isinstance(other, _Operators):
        refuse(f"requires a tensor or a number, got {type(other).__name__}")
    return other


def _shape(tensor):
    return "x".join(map(str, tensor.shape)) or "a scalar"


class Tensor(_Operators):
    """A value of the model under construction: a shape and a dtype, and no numbers yet."""

    __slots__ = ("_value",)

    def __init__(self, value):
        self._value = value

    @property
    def shape(self):
        """Global sizes: those of the whole batch on all devices together."""
        return tuple(self._value.shape)

    @property
    def dtype(self):
        """ "float32", "int32" or "bool"."""
        return self._value.dtype

    @property
    def name(self):
        """What pins and reports call it."""
        return self._value.name

    def __repr__(self):
        return f"Tensor({self.name!r}, {_shape(self)}, {self.dtype})"

    def _repr_html_(self):
        return _core.tensor_fragment(self.name, list(self.shape), self.dtype)


class Init:
    """How a parameter is drawn where no weights are given."""

    def __init__(self, distribution, mean=0.0, deviation=0.0, zero_row=-1):
        self.distribution, self.mean, self.deviation, self.zero_row = distribution, mean, deviation, zero_row

    @staticmethod
    def normal(deviation):
        return Init("normal", deviation=deviation)

    @staticmethod
    def uniform(bound):
        """In [-bound, bound)."""
        return Init("uniform", deviation=bound)

    @staticmethod
    def constant(value):
        return Init("constant", mean=value)

    def with_zero_row(self, row):
        """The same, but for one row of dimension 0, which starts as zero; -1: no such row."""
        return Init(self.distribution, self.mean, self.deviation, row)


class Parameter(_Operators):
    """A parameter of a module. Its name is the dotted path of the attribute that holds it."""

    dtype = "float32"

    def __init__(self, *shape, init=None, trainable=True):
        self.shape, self.init, self.trainable = tuple(shape), init or Init.normal(0.02), trainable
        self.name = None  # until its model is compiled

    def _in(self, trace):
        if self.name is None:
            refuse("requires parameters that are attributes of the model's modules, got one that isn't")
        trace.builder.set_location(*user_place())
        with trace.scope(""):
            return trace.builder.parameter(self.name, list(self.shape), self.init.distribution, self.init.mean,
                                           self.init.deviation, self.init.zero_row, self.trainable)

    def __repr__(self):
        return f"Parameter({self.name!r}, {_shape(self)})"

    def _repr_html_(self):
        return _core.tensor_fragment(self.name or "", list(self.shape), self.dtype)
