"""What the models have in common: a Hugging Face config, weights in its family's files, and predictions."""

import json
import os
import shutil
import types
import warnings
from typing import Any

import numpy as np

from .. import _core
from ..compiling import compile
from ..errors import refuse, reports, user_place
from ..functional import cross_entropy
from ..nn import Module
from ..generation import has_texts, tokens_of
from ..placement import Mesh
from ..tokenizer import BytePairTokenizer, HuggingFaceTokenizer, load_tokenizer
from ..training import Trainer

# What belongs to a tokenizer in a folder that has one of the first two.
_TOKENIZER_FILES = ("tokenizer.json", "vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json")
_LENGTHS = 64  # plans that generate have a multiple of so many tokens, so that one serves several prompts


class Model(Module):
    """A model of a Hugging Face family. Of language models C++ checks the config, knows the defaults of fields, and
    describes the family's files.

    Args:
        fields: those of config.json. `config` then has all that the family knows.
    """

    model_type = ""
    task_type = "CAUSAL_LM"  # as PEFT calls it
    weights = None  # where a Trainer takes them from
    _tokenizer = None  # that was set
    _loaded_tokenizer = None  # of the folder `weights`

    @reports
    def __init__(self, **fields):
        self._fields = {**fields, "model_type": self.model_type}
        self._text = json.dumps(self._fields)
        self.config = self.resolve(self._fields)
        self._sessions = {}
        self.build(self.config)

    def resolve(self, fields):
        """All fields of the config, with defaults."""
        resolved, warned = _core.resolve_config(self._text, "config.json")
        for warning in warned:
            warnings.warn_explicit(warning, UserWarning, *user_place())
        return types.SimpleNamespace(**json.loads(resolved))

    def loss(self, input_ids, attention_mask, labels):
        return cross_entropy(self(input_ids, attention_mask), labels)

    def logits(self, input_ids):
        return self(input_ids)

    def family(self, batch, seq, target_seq, dropout):
        """What data and weight files look like, for the compiler."""
        return _core.describe_config(self._text, "config.json", batch, seq, target_seq, dropout)[0]

    def write_config(self, folder):
        """Writes config.json and the tokenizer into a folder."""
        with open(os.path.join(folder, "config.json"), "w") as file:
            json.dump(self._fields, file, indent=2)
            file.write("\n")
        if isinstance(self._tokenizer, (BytePairTokenizer, HuggingFaceTokenizer)):
            self._tokenizer.save(os.path.join(folder, self._tokenizer.file_name))
        elif self.weights is not None and os.path.realpath(self.weights) != os.path.realpath(folder):
            for name in _TOKENIZER_FILES:
                if os.path.exists(os.path.join(self.weights, name)):
                    shutil.copy(os.path.join(self.weights, name), folder)

    def _changed(self):
        for old in self._sessions.values():
            old.close()
        self._sessions = {}

    def compiled(self, sizes):
        """A plan of one device for one example, of (tokens, tokens of labels)."""
        seq, target_seq = sizes
        return compile(self, mesh=Mesh(data=1), batch=1, seq=seq, target_seq=target_seq)

    def _session(self, *sizes):
        """That plan with the model's weights."""
        if sizes not in self._sessions:
            self._changed()
            self._sessions = {sizes: Trainer(self.compiled(sizes))}
        return self._sessions[sizes]

    @reports
    def predict(self, **inputs: Any) -> Any:
        """Logits [batch, tokens, vocabulary] of float32 for integer arrays [batch, tokens] by input name."""
        arrays = {name: np.asarray(array) for name, array in inputs.items()}
        for name, array in arrays.items():
            if array.ndim != 2 or array.dtype.kind not in "iub":
                refuse(f'predict: requires integers [batch, tokens] in "{name}", got {array.dtype} of rank '
                       f"{array.ndim}")
        if "input_ids" not in arrays:
            refuse(f"predict: requires input_ids, got {', '.join(arrays) or 'nothing'}")
        targets = arrays.get("labels", arrays.get("decoder_input_ids"))
        session = self._session(arrays["input_ids"].shape[1], 0 if targets is None else targets.shape[1])
        rows = range(len(arrays["input_ids"]))
        one = [{name: array[row : row + 1].astype(np.int32) for name, array in arrays.items()} for row in rows]
        return np.concatenate([session.run("logits", batch)["logits"] for batch in one])

    @property
    def tokenizer(self):
        """Of a loaded model the one of its folder (see cleave.load_tokenizer), unless it was set."""
        if self._tokenizer is None and self._loaded_tokenizer is None and self.weights is not None:
            if any(os.path.exists(os.path.join(self.weights, name)) for name in _TOKENIZER_FILES[:2]):
                self._loaded_tokenizer = load_tokenizer(self.weights)
        return self._loaded_tokenizer if self._tokenizer is None else self._tokenizer

    @tokenizer.setter
    def tokenizer(self, tokenizer):
        self._tokenizer = tokenizer

    @reports
    def generate(self, prompt: Any, max_new_tokens: int = 50, *, temperature: float = 1.0, top_k: int = 0,
                 top_p: float = 1.0, seed: int = 0, stop: Any = None) -> Any:
        """What the model writes behind a prompt, or T5 in answer to it, on one device.

        The plan is that of `predict` for inputs of a fixed length, of which prompt and text take as much as they need;
        Trainer.generate explains that and the arguments. The tokenizer is `tokenizer`; the text ends at the config's
        `eos_token_id`, where it has one, unless `stop` says otherwise; () is none.
        """
        has_text = isinstance(prompt, str) or has_texts(stop)
        tokenizer = self.tokenizer if has_text else None
        if not self.task_type:
            refuse(f"generate: requires a causal model, or one with a decoder, got {type(self).__name__}")
        session = self._session(*self._lengths(len(tokens_of(prompt, tokenizer)), max_new_tokens))
        stop = self._fields.get("eos_token_id") if stop is None else stop
        return session.generate(prompt, max_new_tokens, tokenizer=tokenizer, temperature=temperature, top_k=top_k,
                                top_p=top_p, seed=seed, stop=stop)

    def _lengths(self, prompt, new):
        """(seq, target_seq) of a plan for so many tokens: no more than the model has positions, where they suffice."""
        def rounded(tokens):
            return -(-max(tokens, 1) // _LENGTHS) * _LENGTHS

        c, seq = self.config, prompt + new
        if hasattr(c, "num_decoder_layers"):
            return rounded(prompt), rounded(new)
        if hasattr(c, "n_positions"):
            return min(rounded(seq), c.n_positions), 0
        return (rounded(seq) if seq > c.max_position_embeddings else min(rounded(seq), c.max_position_embeddings)), 0

    def shortest(self):
        """Sizes of the smallest plan."""
        return 1, int(hasattr(self.config, "num_decoder_layers"))

    @reports
    def save(self, folder: "str | os.PathLike[str]") -> None:
        """Writes config.json and model.safetensors, which Transformers loads, and the tokenizer: the weights that were
        loaded, or drawn.

        Those that a Trainer has trained `Trainer.save` writes.
        """
        if not self._sessions:
            self._session(*self.shortest())
        next(iter(self._sessions.values())).save(folder)
