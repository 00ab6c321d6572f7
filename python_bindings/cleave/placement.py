"""Meshes of devices, and how tensors lie on them."""

from collections.abc import Sequence

from . import _core
from .errors import refuse, reports
from .pages import Drawing
from .tensor import Parameter, Tensor, current


class Mesh:
    """Devices in rows: Mesh(data=2, model=2), or Mesh(("x", "model", 2)) for an axis of another name and its kind.

    The first axis is a data axis and the others are model axes, unless their names or kinds say otherwise.
    """

    def __init__(self, *axes: tuple[str, str, int], **sizes: int) -> None:
        self.axes = [tuple(axis) for axis in axes] + [(name, "", size) for name, size in sizes.items()]
        for axis in self.axes:
            if len(axis) != 3 or not isinstance(axis[2], int) or isinstance(axis[2], bool):
                refuse(f"Mesh: requires name=size, or (name, kind, size), got {axis!r}")

    @property
    def devices(self) -> int:
        """How many there are."""
        count = 1
        for _, _, size in self.axes:
            count *= size
        return count

    def __repr__(self):
        return f"Mesh({', '.join(f'{name}={size}' for name, _, size in self.axes)})"


class Placement:
    """How a tensor lies along one mesh axis."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self):
        return self.text

    def __eq__(self, other):
        return isinstance(other, Placement) and self.text == other.text

    def __hash__(self):
        return hash(self.text)

    def _repr_html_(self):
        return _core.placement_fragment(self.text)


def S(dim: int) -> Placement:
    """Split along a dimension: each device holds a part."""
    if not isinstance(dim, int) or isinstance(dim, bool) or dim < 0:
        refuse(f"S: requires a dimension of at least 0, got {dim!r}")
    return Placement(f"S({dim})")


def P(combiner: str = "sum") -> Placement:
    """Partial: the sum (max, min) over the axis's devices is the value."""
    if combiner not in ("sum", "max", "min"):
        refuse(f"P: requires sum, max or min, got {combiner!r}")
    return Placement(f"P({combiner})")


B = Placement("B")  # broadcast: each device holds the whole


@reports
def shard(x, **along):
    """Pins a tensor or a parameter: along each axis named, it lies as said. Returns x."""
    if not isinstance(x, (Tensor, Parameter)):
        refuse(f"shard: requires a tensor, got {type(x).__name__}")
    if not along:
        refuse("shard: requires a placement along at least one axis, as shard(x, model=S(1)), got none")
    for axis, placement in along.items():
        if not isinstance(placement, Placement):
            refuse(f"shard: requires S(dim), B or P() along {axis}, got {placement!r}")
    trace = current()
    trace.value(x)
    trace.pins.append((x.name, [(axis, placement.text) for axis, placement in along.items()]))
    return x


@reports
def draw(x: Tensor | Parameter | Sequence[int], mesh: Mesh, **along: Placement) -> Drawing:
    """Draws how a tensor, a parameter or a shape would lie on a mesh: print(cleave.draw((6, 8), mesh, model=cleave.S(1))).

    Axes that aren't named hold it whole. `plan.draw(name)` draws how a compiled parameter lies.
    """
    if not isinstance(mesh, Mesh):
        refuse(f"draw: requires a cleave.Mesh, got {mesh!r}")
    shape = x.shape if isinstance(x, (Tensor, Parameter)) else x
    if not isinstance(shape, Sequence) or not all(type(size) is int and 0 < size < 2**62 for size in shape):
        refuse(f"draw: requires a tensor, a parameter or a shape of sizes from 1, got {x!r}")
    names = [name for name, _, _ in mesh.axes]
    for axis, placement in along.items():
        if axis not in names:
            refuse(f"draw: requires an axis of the mesh ({', '.join(names)}), got {axis!r}")
        if not isinstance(placement, Placement):
            refuse(f"draw: requires S(dim), B or P() along {axis}, got {placement!r}")
    name = getattr(x, "name", None) or ""
    sizes = [(name, size) for name, _, size in mesh.axes]
    return Drawing(*_core.draw_placement(name, list(shape), sizes, [along.get(axis, B).text for axis in names]))
