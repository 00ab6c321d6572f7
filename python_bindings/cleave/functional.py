"""Functions on tensors of a model under construction. Each makes an op at the caller's line; `name` is what pins and
reports call it, behind the path of the module that is being called."""

import math

from .errors import refuse, reports
from .tensor import Parameter, Tensor, current


class Loss:
    """A sum of losses and the number of labels that count. A step's loss is their quotient over the whole batch. A metric
    may be one too."""

    def __init__(self, sum, count):
        self.sum, self.count = sum, count


@reports
def tensor(parameter):
    """The value of a parameter; makes it known to the model from here on."""
    return Tensor(current().value(parameter))


@reports
def linear(x, weight, bias=None, transposed=True, name="linear"):
    """x [..., in] times weight [out, in], or [in, out] where it isn't transposed, plus bias [out]."""
    trace = current()
    weight, bias = tensor(weight), bias if bias is None else tensor(bias)
    return trace.call("matmul", name, x, weight, transposed, bias)


@reports
def embedding(ids, table, padding_index=-1, optional=False, name="embedding"):
    """Rows of table [rows, features] for ids of int32. The row `padding_index` gets no gradient; where `optional`, an
    id of -1 gives zeros."""
    return current().call("embedding", name, table, ids, padding_index, optional)


@reports
def attention(query, keys, values, *, causal=False, scale=None, bias=None, key_mask=None, segments=None, window=0,
              dropout=0.0, name="attention"):
    """Attention by heads.

    Args:
        query: [batch, queries, heads, features].
        keys, values: [batch, keys, key heads, features]; the number of key heads divides that of heads.
        causal: a query sees keys up to its own position.
        scale: factor of the scores; features ** -0.5 unless it is given.
        bias: [heads, queries, keys], added to the scores.
        key_mask: [batch, keys] of int32; 0 hides.
        segments: [batch, tokens] of int32; tokens of other segments are hidden.
        window: how many keys up to its own a query sees; 0: all.
        dropout: rate, in training.

    Returns:
        [batch, queries, heads, features].
    """
    trace = current()
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    return trace.call("attention", name, query, keys, values, bias, key_mask, segments, causal, window, scale,
                      trace.rate(dropout))


@reports
def rotary(x, positions, frequencies, factor=1.0, pairs=False, name="rotary"):
    """Turns pairs of features of x [batch, tokens, heads, features] by positions [batch, tokens] times frequencies
    (radians a position)."""
    return current().call("rotary", name, x, positions, list(frequencies), factor, pairs)


@reports
def split_heads(x, heads, name="heads"):
    """[batch, tokens, heads * features] -> [batch, tokens, heads, features]."""
    return current().call("split_heads", name, x, heads)


@reports
def merge_heads(x, name="merged"):
    """[batch, tokens, heads, features] -> [batch, tokens, heads * features]."""
    return current().call("merge_heads", name, x)


@reports
def attend(q, k, v, heads, key_heads=None, *, norms=None, rotation=None, positions=None, **options):
    """Attention of q, k and v [batch, tokens, heads * features], split by heads and merged again.

    Args:
        norms: (modules that norm each query's features, each key's).
        rotation: (frequencies, factor) of a rotation of queries and keys by `positions` [batch, tokens].
        options: those of `attention`.
    """
    key_heads = heads if key_heads is None else key_heads
    parts = [split_heads(q, heads, name="q_heads"), split_heads(k, key_heads, name="k_heads"),
             split_heads(v, key_heads, name="v_heads")]
    if norms is not None:
        parts[0], parts[1] = norms[0](parts[0]), norms[1](parts[1])
    if positions is not None:
        for part, name in enumerate(("q_rotary", "k_rotary")):
            parts[part] = rotary(parts[part], positions, *rotation, name=name)
    return merge_heads(attention(*parts, **options))


def _pair(what, value):
    """Rows and columns, from a pair or one number for both."""
    pair = [value, value] if isinstance(value, int) else list(value) if isinstance(value, (tuple, list)) else []
    if len(pair) != 2 or not all(isinstance(each, int) and not isinstance(each, bool) for each in pair):
        refuse(f"requires an integer or a pair of integers as {what}, got {value!r}")
    return pair


@reports
def conv2d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1, name="conv2d"):
    """Convolution of images.

    Args:
        x: [batch, in, height, width].
        weight: [out, in / groups, rows, columns].
        bias: [out].
        stride, dilation: steps from window to window and from element to element, of rows and columns or both.
        padding: zeros on each side of rows and columns.
        groups: that many groups of channels don't see each other.

    Returns:
        [batch, out, 1 + (height + 2 padding - dilation (rows - 1) - 1) // stride, and so for the width].
    """
    trace = current()
    weight, bias = tensor(weight), bias if bias is None else tensor(bias)
    return trace.call("conv2d", name, x, weight, bias, _pair("stride", stride), _pair("padding", padding),
                      _pair("dilation", dilation), groups)


@reports
def max_pool2d(x, kernel, stride=None, padding=0, name="max_pool2d"):
    """The largest element of each window of x [batch, channels, height, width]; padded ones don't count.

    Elements that share a maximum share its gradient. The stride is the kernel unless it is given.
    """
    return current().call("max_pool2d", name, x, _pair("kernel", kernel),
                          _pair("stride", kernel if stride is None else stride), _pair("padding", padding))


@reports
def avg_pool2d(x, kernel, stride=None, padding=0, name="avg_pool2d"):
    """The mean of each window of x [batch, channels, height, width]; padded elements count as 0.

    The stride is the kernel unless it is given.
    """
    return current().call("avg_pool2d", name, x, _pair("kernel", kernel),
                          _pair("stride", kernel if stride is None else stride), _pair("padding", padding))


@reports
def group_norm(x, groups, weight, bias, eps=1e-5, name="group_norm"):
    """Norm of each group of channels of an example: x [batch, channels, ...], weight and bias [channels]."""
    return current().call("group_norm", name, x, groups, tensor(weight), tensor(bias), eps)


@reports
def dropout(x, rate, name="dropout"):
    """In training, zeros at that rate, and the rest larger by 1 / (1 - rate)."""
    trace = current()
    return trace.call("dropout", name, x, trace.rate(rate))


@reports
def cross_entropy(logits, labels, name="loss"):
    """Loss of logits [..., classes] against labels [...] of int32; a label of -100 doesn't count."""
    return Loss(*current().call("cross_entropy", name, logits, labels))


@reports
def activation(x, kind, name="activation"):
    """An activation by the name that Hugging Face configs use: "gelu", "gelu_new", "relu", "silu", ..."""
    return current().call("activate", name, kind, x)


@reports
def add(a, b, name="add"):
    """The sum of two tensors of one shape."""
    return current().call("add", name, a, b)


@reports
def multiply(a, b, name="multiply"):
    """The product, element by element, of two tensors of one shape."""
    return current().call("multiply", name, a, b)


@reports
def subtract(a, b, name="subtract"):
    """The difference of two tensors of one shape."""
    return current().call("subtract", name, a, b)


@reports
def scale(x, factor, name="scale"):
    """x times a number."""
    return current().call("scale", name, x, factor)


@reports
def softmax(x, name="softmax"):
    """exp(x) over its sum along the last dimension."""
    return current().call("softmax", name, x)


@reports
def slice(x, starts, limits, name="slice"):
    """Elements from starts up to limits of each dimension."""
    return current().call("slice", name, x, list(starts), list(limits))


@reports
def broadcast(x, shape, dimensions, name="broadcast"):
    """Dimension i of x becomes dimension dimensions[i] of the result."""
    return current().call("broadcast", name, x, list(shape), list(dimensions))


@reports
def transpose(x, permutation, name="transpose"):
    """Dimension i of the result is dimension permutation[i] of x."""
    return current().call("transpose", name, x, list(permutation))


@reports
def concat(tensors, dim, name="concat"):
    """Joins tensors along one dimension."""
    tensors = list(tensors)
    if not tensors:
        refuse("concat: requires at least one tensor, got none")
    return current().call("concat", name, tensors, dim + len(tensors[0].shape) if dim < 0 else dim)


@reports
def iota(shape, dim, name="iota"):
    """int32 numbers 0, 1, ... along one dimension."""
    return current().call("iota", name, list(shape), dim)


@reports
def fill(shape, value, dtype="float32", name="fill"):
    """A tensor whose elements are all `value`."""
    if dtype not in ("float32", "int32"):
        refuse(f"fill: requires dtype float32 or int32, got {dtype!r}")
    return current().call("fill", name, list(shape), dtype == "float32", value)


@reports
def constant(values, name="constant"):
    """A list of int32 as a tensor of one dimension."""
    return current().call("constant", name, list(values))


@reports
def maximum(a, b, name="maximum"):
    """The larger of two tensors of one shape, element by element."""
    return current().call("maximum", name, a, b)


@reports
def minimum(a, b, name="minimum"):
    """The smaller of two tensors of one shape, element by element."""
    return current().call("minimum", name, a, b)


@reports
def equal(a, b, name="equal"):
    """Bools: whether elements of two tensors of one shape and dtype are the same. For others: a < b, a >= 0, ..."""
    return current().call("compare", name, a, b, "eq")


@reports
def where(condition, a, b, name="where"):
    """a where the condition (bools) is true, else b; all of one shape."""
    return current().call("select", name, condition, a, b)


@reports
def accuracy(logits, labels, name="accuracy"):
    """How often the label has the largest of logits [..., classes]: a metric, over labels [...] of int32 that count."""
    shape, rank = list(logits.shape), len(labels.shape)
    wide = broadcast(labels, shape, range(rank), name=f"{name}.labels")
    is_label = equal(wide, iota(shape, rank, name=f"{name}.classes"), name=f"{name}.is_label")
    lowest = fill(shape, -3e38, name=f"{name}.lowest")
    of_label = where(is_label, logits, lowest, name=f"{name}.of_label").max(dim=-1)
    counted = to_float(labels >= 0, name=f"{name}.counted")
    hits = to_float(of_label >= logits.max(dim=-1), name=f"{name}.hits")
    return Loss((hits * counted).sum(), counted.sum())


@reports
def gradient(loss, inputs, name="gradient"):
    """A loss and its gradients, inside a model's own loss, which is differentiated through them.

    Args:
        loss: a function of tensors, one for each input, that gives a scalar of float32. What else it makes stays in it.
        inputs: tensors or parameters of float32.

    Returns:
        (loss, [gradients of the inputs' shapes]).

    Raises:
        cleave.Error: for a loss that is no scalar of float32, and inputs of integers.
    """
    trace, inputs = current(), list(inputs)
    if not inputs or not all(isinstance(each, (Tensor, Parameter)) for each in inputs):
        refuse(f"gradient: requires a list of tensors or parameters as inputs, got {inputs!r}")
    value = loss(*map(Tensor, trace.call_raw("begin_gradient", name, inputs)))
    if not isinstance(value, Tensor):
        refuse(f"gradient: requires a function that gives a scalar tensor of float32, got {value!r}")
    value, *gradients = map(Tensor, trace.call_raw("end_gradient", name, value))
    return value, gradients


def _unary(method, text):
    @reports
    def function(x, name=method):
        return current().call(method, name, x)

    function.__name__ = function.__qualname__ = method
    function.__doc__ = text
    return function


relu = _unary("relu", "max(x, 0).")
silu = _unary("silu", "x times its sigmoid.")
tanh = _unary("tanh", "Hyperbolic tangent.")
sigmoid = _unary("sigmoid", "1 / (1 + exp(-x)).")
exp = _unary("exp", "e to the x.")
log = _unary("log", "Natural logarithm.")
sqrt = _unary("sqrt", "Square root.")
abs = _unary("abs", "Absolute value.")
sign = _unary("sign", "-1, 0 or 1.")
to_float = _unary("to_float", "The elements as float32; a bool becomes 0 or 1.")
sin = _unary("sin", "Sine of radians.")
cos = _unary("cos", "Cosine of radians.")
cumulative_sum = _unary("cumulative_sum", "Sums along the last dimension up to each element.")


def gelu(x, approximate="none", name="gelu"):
    """x times the normal distribution's probability below x; "tanh" approximates it."""
    return activation(x, "gelu_new" if approximate == "tanh" else "gelu", name=name)
