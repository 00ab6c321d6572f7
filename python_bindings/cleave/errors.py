"""Errors that name the user's file and line."""

import functools
import os
import sys
from typing import Any, Callable, TypeVar, cast

from . import _core

_Function = TypeVar("_Function", bound=Callable[..., Any])
_HOME = os.path.dirname(os.path.abspath(__file__)) + os.sep


class Error(_core.Error):
    """What Cleave refuses: the user's file and line, the rule, and what was seen.

    Attributes:
        file, line: where the user's program called Cleave.
        rule: the message without that place.
    """

    def __init__(self, rule, file, line):
        super().__init__(f"{file}:{line}: {rule}")
        self.rule, self.file, self.line = rule, file, line


def user_place():
    """(file, line) of the nearest caller outside this package."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_HOME) and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


def refuse(rule):
    """Raises an Error at the user's line."""
    raise Error(rule, *user_place()) from None


def reports(function: _Function) -> _Function:
    """Makes a function of the package raise what C++ refuses as an Error at the user's line."""

    @functools.wraps(function)
    def reporting(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Error:
            raise
        except _core.Error as error:
            raise Error(str(error), *user_place()) from None

    return cast(_Function, reporting)
