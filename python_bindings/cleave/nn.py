"""Modules: parameters and the ops on them, named as in the frameworks you know. A module's parameters are called by the
dotted path of attributes that leads to them."""

from . import functional
from .errors import refuse, reports
from .functional import *  # noqa: F401,F403  functions beside modules, as nn.relu
from .tensor import Init, Parameter, current

__all__ = ["Attention", "AvgPool2d", "Conv2d", "Dropout", "Embedding", "Flatten", "GroupNorm", "Init", "LayerNorm",
           "Linear", "MLP", "MaxPool2d", "Module", "ModuleList", "Parameter", "RMSNorm", "Sequential"]


class Module:
    """A part of a model. Subclasses set parameters and modules as attributes and define `forward`.

    A model, the outermost module, defines `loss(self, input, ...)`, whose arguments are named as the data's inputs are,
    and perhaps `logits(self, input, ...)`.
    """

    _path = None  # from the model to this module, while it is compiled
    _layer = None  # (class, instance) of repeated layers
    adapter = None  # of a model, what cleave.lora has made of it
    adapter_folder = None  # where its trainers take that from

    @reports
    def __call__(self, *args, **kwargs):
        trace = current()
        if self._path is None:
            refuse(f"requires modules that are attributes of the model, got a {type(self).__name__} that isn't")
        with trace.scope(self._scope_of_ops()), trace.layer(self._layer):
            return self.forward(*args, **kwargs)

    def forward(self, *args, **kwargs):
        refuse(f"requires that {type(self).__name__} defines forward")

    def _scope_of_ops(self):
        return self._path

    def _changed(self):
        """Called when parts of a model have been replaced."""

    def children(self):
        """(name, module) of modules held as attributes, in the order in which they were set."""
        return [(name, value) for name, value in vars(self).items() if isinstance(value, Module)]

    def named_parameters(self, path=""):
        """(dotted name, parameter) of all parameters."""
        dot = path + "." if path else ""
        for name, value in vars(self).items():
            if isinstance(value, Parameter):
                yield dot + name, value
        for name, module in self.children():
            yield from module.named_parameters(dot + name)

    def _assign_paths(self, path=""):
        self._path = path
        for name, module in self.children():
            module._assign_paths(f"{path}.{name}" if path else name)

    def _name_parts(self):
        """Tells all modules and parameters their names; a parameter that stands twice has its first."""
        self._assign_paths()
        seen = set()
        for name, parameter in self.named_parameters():
            if id(parameter) not in seen:
                parameter.name = name
                seen.add(id(parameter))


class _Op(Module):
    """A module that is one op, which has the module's name."""

    def _scope_of_ops(self):
        return self._path.rpartition(".")[0]

    @property
    def _name(self):
        return self._path.rpartition(".")[2]


class Linear(_Op):
    """x [..., in_features] times `weight`, plus `bias`. The weight is [out, in], or [in, out] where `input_major`."""

    def __init__(self, in_features, out_features, bias=True, *, input_major=False, init=None):
        shape = (in_features, out_features) if input_major else (out_features, in_features)
        self.weight = Parameter(*shape, init=init or Init.uniform(max(in_features, 1) ** -0.5))
        if bias:
            self.bias = Parameter(out_features, init=Init.constant(0))
        self._is_transposed = not input_major

    def forward(self, x):
        return functional.linear(x, self.weight, vars(self).get("bias"), self._is_transposed, name=self._name)


class Embedding(_Op):
    """Rows of `weight` [rows, features] for ids of int32. The row `padding_index` is zero and doesn't learn."""

    def __init__(self, rows, features, padding_index=-1, *, init=None):
        self.weight = Parameter(rows, features, init=(init or Init.normal(1.0)).with_zero_row(padding_index))
        self._padding_index = padding_index

    def forward(self, ids):
        return functional.embedding(ids, self.weight, self._padding_index, name=self._name)


class LayerNorm(_Op):
    """Norm of the last dimension, with mean, `weight` and `bias`."""

    def __init__(self, features, eps=1e-5):
        self.weight = Parameter(features, init=Init.constant(1))
        self.bias = Parameter(features, init=Init.constant(0))
        self._eps = eps

    def forward(self, x):
        _check_features(self, x)
        functional.tensor(self.weight), functional.tensor(self.bias)  # as they are, and not as the builder would draw
        return current().call("layer_norm", self._name, x, self._eps, True)


class RMSNorm(_Op):
    """Norm of the last dimension by its root mean square, with `weight`."""

    def __init__(self, features, eps=1e-6, *, weight=1.0):
        self.weight = Parameter(features, init=Init.constant(weight))
        self._eps = eps

    def forward(self, x):
        _check_features(self, x)
        functional.tensor(self.weight)
        return current().call("rms_norm", self._name, x, self._eps, True, self.weight.init.mean)


def _check_features(module, x):
    if x.shape[-1:] != module.weight.shape:
        seen = x.shape[-1] if x.shape else "a scalar"
        refuse(f'"{module._path}": requires {module.weight.shape[0]} features, got {seen}')


class Conv2d(_Op):
    """Convolution of images [batch, in, height, width] with `weight` [out, in / groups, rows, columns], plus `bias`.

    `kernel`, `stride`, `padding` and `dilation` are numbers, or pairs for rows and columns.
    """

    def __init__(self, in_channels, out_channels, kernel, stride=1, padding=0, dilation=1, groups=1, bias=True, *,
                 init=None):
        rows, columns = functional._pair("kernel", kernel)
        if groups < 1 or in_channels % groups or out_channels % groups:
            refuse(f"Conv2d: requires groups that divide {in_channels} and {out_channels} channels, got {groups}")
        terms = in_channels // groups * rows * columns
        self.weight = Parameter(out_channels, in_channels // groups, rows, columns,
                                init=init or Init.uniform(max(terms, 1) ** -0.5))
        if bias:
            self.bias = Parameter(out_channels, init=Init.constant(0))
        self._options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}

    def forward(self, x):
        return functional.conv2d(x, self.weight, vars(self).get("bias"), **self._options, name=self._name)


class GroupNorm(_Op):
    """Norm of each of `groups` groups of channels of an example [channels, ...], with `weight` and `bias`."""

    def __init__(self, groups, channels, eps=1e-5):
        self.weight = Parameter(channels, init=Init.constant(1))
        self.bias = Parameter(channels, init=Init.constant(0))
        self._groups, self._eps = groups, eps

    def forward(self, x):
        return functional.group_norm(x, self._groups, self.weight, self.bias, self._eps, name=self._name)


class MaxPool2d(_Op):
    """The largest element of each window of images. The stride is the kernel unless it is given."""

    def __init__(self, kernel, stride=None, padding=0):
        self._window = kernel, stride, padding

    def forward(self, x):
        return functional.max_pool2d(x, *self._window, name=self._name)


class AvgPool2d(_Op):
    """The mean of each window of images; padded elements count as 0. The stride is the kernel unless it is given."""

    def __init__(self, kernel, stride=None, padding=0):
        self._window = kernel, stride, padding

    def forward(self, x):
        return functional.avg_pool2d(x, *self._window, name=self._name)


class Flatten(Module):
    """All dimensions behind the batch as one: [batch, ...] -> [batch, features]."""

    def forward(self, x):
        return x.reshape(x.shape[0], -1)


class Dropout(_Op):
    """In training, zeros at that rate."""

    def __init__(self, rate=0.5):
        self.rate = rate

    def forward(self, x):
        return functional.dropout(x, self.rate, name=self._name)


class ModuleList(Module):
    """Modules by number. With `layer`, each is an instance of that class of layers, which compute the same function; a
    list of names says the class of each."""

    def __init__(self, modules, layer=None):
        self._modules = list(modules)
        for index, module in enumerate(self._modules):
            if not isinstance(module, Module):
                refuse(f"requires modules, got {type(module).__name__}")
            if layer is not None:
                module._layer = (layer if isinstance(layer, str) else layer[index], index)

    def children(self):
        return [(str(index), module) for index, module in enumerate(self._modules)]

    def __iter__(self):
        return iter(self._modules)

    def __getitem__(self, index):
        return self._modules[index]

    def __len__(self):
        return len(self._modules)


class Sequential(ModuleList):
    """Modules, and functions of one tensor, one after the other."""

    def __init__(self, *steps):
        self._steps = steps
        super().__init__([step for step in steps if isinstance(step, Module)])

    def children(self):
        return [(str(index), step) for index, step in enumerate(self._steps) if isinstance(step, Module)]

    def forward(self, x):
        for step in self._steps:
            x = step(x)
        return x


class Attention(Module):
    """Self-attention of tokens [batch, tokens, features], with maps q, k, v and out."""

    def __init__(self, features, heads, key_heads=None, causal=True, bias=True, dropout=0.0):
        if heads < 1 or features % heads:
            refuse(f"Attention: requires heads that divide {features} features, got {heads}")
        key_heads = heads if key_heads is None else key_heads
        size = features // heads
        self.q = Linear(features, features, bias)
        self.k = Linear(features, key_heads * size, bias)
        self.v = Linear(features, key_heads * size, bias)
        self.out = Linear(features, features, bias)
        self._heads, self._key_heads, self._causal, self._dropout = heads, key_heads, causal, dropout

    def forward(self, x, key_mask=None):
        y = functional.attend(self.q(x), self.k(x), self.v(x), self._heads, self._key_heads, causal=self._causal,
                              key_mask=key_mask, dropout=self._dropout)
        return self.out(y)


class MLP(Module):
    """Two linear maps with an activation between them."""

    def __init__(self, features, inner=None, activation="gelu", bias=True):
        inner = inner or 4 * features
        self.up, self.down = Linear(features, inner, bias), Linear(inner, features, bias)
        self._activation = activation

    def forward(self, x):
        return self.down(functional.activation(self.up(x), self._activation))
