"""Tokens of text: bytes and byte pairs, and what Hugging Face's tokenizer files describe."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np

from . import _core
from .errors import refuse, reports


class Tokenizer(Protocol):
    """What turns text into tokens and back."""

    @property
    def size(self) -> int:
        """How many tokens there are."""

    def encode(self, text: str) -> Any:
        """Tokens [n] of int32."""

    def decode(self, tokens: Iterable[int]) -> str:
        """Text; bytes that are none become U+FFFD."""


class BytePairTokenizer:
    """The 256 bytes, and pairs of tokens that often stand together, each from two earlier ones. Its files are those of
    `cleave tokenize --vocab-out`.

    BytePairTokenizer() has the bytes alone.
    """

    file_name = "vocab.json"  # in a model's folder

    def __init__(self, handle: _core.Vocabulary | None = None) -> None:
        self._handle = _core.Vocabulary() if handle is None else handle

    @staticmethod
    @reports
    def train(text: str, size: int) -> BytePairTokenizer:
        """Merges the most frequent pairs of a text until there are `size` tokens, at least 256, or no pair twice."""
        return BytePairTokenizer(_core.Vocabulary.train(text, size))

    @staticmethod
    @reports
    def load(path: str | os.PathLike[str]) -> BytePairTokenizer:
        """Reads a vocabulary file."""
        return BytePairTokenizer(_core.Vocabulary.load(str(path)))

    @reports
    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a vocabulary file."""
        self._handle.save(str(path))

    @property
    def size(self) -> int:
        """How many tokens there are."""
        return self._handle.size

    @reports
    def encode(self, text: str) -> Any:
        """Tokens [n] of int32."""
        return np.array(self._handle.encode(text), np.int32)

    @reports
    def decode(self, tokens: Iterable[int]) -> str:
        """Text; bytes that are no character become U+FFFD."""
        return self._handle.decode([int(token) for token in tokens]).decode("utf-8", "replace")


class HuggingFaceTokenizer:
    """The tokenizer of a Hugging Face tokenizer.json, by package `tokenizers` (pip install "cleave[tokenizers]").
    Encoding adds the special tokens that the file says; decoding leaves them out."""

    file_name = "tokenizer.json"  # in a model's folder

    @reports
    def __init__(self, path: str | os.PathLike[str]) -> None:
        try:
            import tokenizers
        except ImportError:
            refuse('HuggingFaceTokenizer: requires package tokenizers (pip install "cleave[tokenizers]"), got none')
        try:
            self._handle = tokenizers.Tokenizer.from_file(str(path))
        except Exception as error:  # the package raises nothing more special
            refuse(f'HuggingFaceTokenizer: requires a tokenizer file "{path}", got: {error}')

    @reports
    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a tokenizer file."""
        try:
            self._handle.save(str(path))
        except Exception as error:
            refuse(f'HuggingFaceTokenizer: requires a path that can be written, got "{path}": {error}')

    @property
    def size(self) -> int:
        """How many tokens there are, added ones included."""
        return self._handle.get_vocab_size()

    def encode(self, text: str) -> Any:
        """Tokens [n] of int32."""
        return np.array(self._handle.encode(text).ids, np.int32)

    def decode(self, tokens: Iterable[int]) -> str:
        """Text; tokens that are unknown are left out."""
        return self._handle.decode([int(token) for token in tokens])


@reports
def load_tokenizer(path: str | os.PathLike[str]) -> Tokenizer:
    """The tokenizer of a file, or of a folder that holds tokenizer.json (Hugging Face's) or vocab.json (Cleave's)."""
    path = str(path)
    if os.path.isdir(path):
        names = [name for name in ("tokenizer.json", "vocab.json") if os.path.exists(os.path.join(path, name))]
        if not names:
            refuse(f'load_tokenizer: requires tokenizer.json or vocab.json in "{path}", got neither')
        path = os.path.join(path, names[0])
    return HuggingFaceTokenizer(path) if os.path.basename(path) == "tokenizer.json" else BytePairTokenizer.load(path)
