"""Runs the training plans that Cleave makes: package cleave without its compiler."""

from ._core import StepMetrics
from .data import Mixture
from .errors import Error
from .plan import Plan, load_plan
from .training import Trainer

__version__ = "0.1.0"
__all__ = ["Error", "Mixture", "Plan", "StepMetrics", "Trainer", "load_plan"]
