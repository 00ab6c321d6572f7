"""Plans: what compile gives and what a Trainer runs."""

from __future__ import annotations

import json
import os
from typing import Any

from . import _core
from .errors import reports
from .pages import Drawing, Page


class Plan:
    """A compiled training step: what every device does, proved to end."""

    def __init__(self, handle: _core.Plan, model: object = None) -> None:
        self._handle, self.model = handle, model

    @property
    def hash(self) -> str:
        """SHA-256 of what the plan does, in hexadecimal: the same program for the same devices has one hash."""
        return self._handle.hash

    @property
    def mesh(self) -> dict[str, int]:
        """{axis: size}."""
        return dict(self._handle.mesh)

    @property
    def devices(self) -> int:
        return self._handle.devices

    @property
    def batch(self) -> int:
        """Examples of a step on all devices together."""
        return self._handle.batch

    @property
    def parameters(self) -> dict[str, tuple[tuple[int, ...], tuple[str, ...]]]:
        """{name: (shape, placement by mesh axis)}; a placement is "S(0)", "B" or "P(sum)"."""
        return {name: (tuple(shape), tuple(placement))
                for name, is_parameter, shape, placement in self._handle.variables() if is_parameter}

    @property
    def device_bytes(self) -> list[int]:
        """Bytes of memory that each device plans, by device."""
        return list(self._handle.arena_bytes)

    @reports
    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a plan file, which `cleave train`, `cleave explain` and load_plan take."""
        self._handle.save(str(path))

    @reports
    def explain(self) -> str:
        """Where everything lies, what moves between devices, and why: the text of `cleave explain`."""
        return _core.plan_text(self._handle)

    @property
    def explanation(self) -> dict[str, Any]:
        """The same and more as a dictionary: mesh, values, ops, collectives, memory and, where the compiler has made
        one, the estimate (seconds), as `cleave explain --json` prints it."""
        return json.loads(_core.plan_json(self._handle))

    @reports
    def visualize(self) -> Page:
        """The model's blocks with placements along the mesh and what moves between devices, for a notebook or
        `plan.visualize().save("plan.html")`."""
        return Page(_core.plan_fragment(self._handle, True), lambda: _core.plan_page(self._handle), repr(self))

    @reports
    def draw(self, name: str) -> Drawing:
        """How a parameter, or a state of the optimizer, lies on the mesh: print(plan.draw("head.weight"))."""
        return Drawing(*_core.draw_variable(self._handle, name))

    def _repr_html_(self) -> str:
        return _core.plan_fragment(self._handle, False)

    def __repr__(self) -> str:
        mesh = ", ".join(f"{axis}={size}" for axis, size in self.mesh.items())
        return f"Plan({mesh}; {max(self.device_bytes) / 1e6:.1f} MB a device; {self.hash[:12]})"


@reports
def load_plan(path: str | os.PathLike[str]) -> Plan:
    """Reads a plan file and proves it again."""
    return Plan(_core.Plan.from_file(str(path)))
