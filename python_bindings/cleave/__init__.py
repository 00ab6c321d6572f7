"""Cleave: an auto-parallelizing training compiler. Describe one model, as if for one device; Cleave splits its training
over many."""

from . import models, nn
from ._core import StepMetrics
from .adapters import load_adapter, lora
from .compiling import Input, compile
from .data import Mixture
from .errors import Error
from .functional import gradient
from .models import load
from .optimizers import SGD, AdamW, Constant, Cosine, Group, optimizer
from .pages import Drawing, Page
from .pipeline import Pipeline
from .placement import B, Mesh, P, Placement, S, draw, shard
from .plan import Plan, load_plan
from .tensor import Tensor
from .tokenizer import BytePairTokenizer, HuggingFaceTokenizer, load_tokenizer
from .training import Trainer

__version__ = "0.1.0"
__all__ = ["AdamW", "B", "BytePairTokenizer", "Constant", "Cosine", "Drawing", "Error", "Group", "HuggingFaceTokenizer",
           "Input", "Mesh", "Mixture", "P", "Page", "Pipeline", "Placement", "Plan", "S", "SGD", "StepMetrics", "Tensor",
           "Trainer", "compile", "draw", "gradient", "load", "load_adapter", "load_plan", "load_tokenizer", "lora", "models",
           "nn", "optimizer", "shard"]
