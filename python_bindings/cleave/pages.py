"""What a notebook, a terminal or a browser shows of plans."""

from __future__ import annotations

import os
from collections.abc import Callable

from . import _core
from .errors import reports


class Drawing:
    """A tensor on a mesh: each device with the part that it holds. print() draws it in text; a notebook shows boxes."""

    def __init__(self, text: str, svg: str) -> None:
        self.text, self.svg = text, svg

    @reports
    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes it as an SVG file."""
        _core.write_file(str(path), self.svg)

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.svg


class Page:
    """HTML that a notebook shows and `save` writes; it needs nothing else, and no network."""

    def __init__(self, fragment: str, document: Callable[[], str], what: str) -> None:
        self._fragment, self._document, self._what = fragment, document, what

    @reports
    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes it as a file for browsers."""
        _core.write_file(str(path), self._document())

    def __repr__(self) -> str:
        return f"Page({self._what})"

    def _repr_html_(self) -> str:
        return self._fragment
