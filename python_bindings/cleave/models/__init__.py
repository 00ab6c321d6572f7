"""Models of Hugging Face families."""

import json
import os

from ..errors import refuse, reports
from .base import Model
from .bert import Bert
from .gpt2 import GPT2
from .llama import Llama, Mistral, Qwen3
from .t5 import T5
from .vit import ViT

__all__ = ["Bert", "GPT2", "Llama", "Mistral", "Model", "Qwen3", "T5", "ViT", "load"]
_FAMILIES = {family.model_type: family for family in (Bert, GPT2, Llama, Mistral, Qwen3, T5, ViT)}


@reports
def load(folder: "str | os.PathLike[str]") -> Model:
    """The model of a folder with a Hugging Face config.json and safetensors (one file, or an index of several)."""
    path = os.path.join(str(folder), "config.json")
    try:
        with open(path) as file:
            fields = json.load(file)
    except (OSError, ValueError) as error:
        refuse(f'load: requires a JSON file "{path}", got: {error}')
    family = _FAMILIES.get(fields.get("model_type")) if isinstance(fields, dict) else None
    if family is None:
        seen = fields.get("model_type") if isinstance(fields, dict) else fields
        refuse(f'"{path}": field "model_type" requires one of {", ".join(sorted(_FAMILIES))}, got {seen!r}')
    model = family(**fields)
    model.weights = str(folder)
    return model
