"""Runs the training plans that Cleave makes: package cleave without its compiler."""

from ._core import StepMetrics
from .data import Mixture
from .errors import Error
from .plan import Plan, load_plan
from .tokenizer import BytePairTokenizer, HuggingFaceTokenizer, load_tokenizer
from .training import Trainer

__version__ = "0.1.0"
__all__ = ["BytePairTokenizer", "Error", "HuggingFaceTokenizer", "Mixture", "Plan", "StepMetrics", "Trainer", "load_plan",
           "load_tokenizer"]
