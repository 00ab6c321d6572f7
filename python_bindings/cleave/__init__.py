"""Cleave: an auto-parallelizing training compiler. Describe one model, as if for one device; Cleave splits its training
over many."""

from . import models, nn
from ._core import StepMetrics
from .compiling import Input, compile
from .data import Mixture
from .errors import Error
from .models import load
from .optimizers import SGD, AdamW, Constant, Cosine, Group, optimizer
from .placement import B, Mesh, P, Placement, S, shard
from .plan import Plan, load_plan
from .tensor import Tensor
from .training import Trainer

__version__ = "0.1.0"
__all__ = ["AdamW", "B", "Constant", "Cosine", "Error", "Group", "Input", "Mesh", "Mixture", "P", "Placement", "Plan", "S",
           "SGD", "StepMetrics", "Tensor", "Trainer", "compile", "load", "load_plan", "models", "nn", "optimizer", "shard"]
