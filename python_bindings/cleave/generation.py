"""Text from models. C++ runs them and draws the tokens."""

from __future__ import annotations

import numpy as np

from . import _core
from .errors import refuse
from .tokenizer import Tokenizer


def tokens_of(prompt, tokenizer: Tokenizer | None):
    """Tokens [n] of a text, or of a sequence of them."""
    if isinstance(prompt, str):
        if tokenizer is None:
            refuse("generate: requires a tokenizer for a prompt of text (tokenizer=..., or model.tokenizer), got none")
        return np.asarray(tokenizer.encode(prompt))
    tokens = np.asarray(prompt)
    if tokens.ndim != 1 or (tokens.size and tokens.dtype.kind not in "iu"):
        refuse(f"generate: requires a text or integers [tokens] as prompt, got {tokens.dtype} of rank {tokens.ndim}")
    return tokens


def stops_of(stop):
    """What ends a text, as a list."""
    if stop is None or isinstance(stop, (int, np.integer, str)):
        return [] if stop is None else [stop]
    try:
        return list(stop)
    except TypeError:
        refuse(f"generate: requires tokens and texts in stop, got {stop!r}")


def has_texts(stop):
    """Whether a text is among what ends a text."""
    return any(isinstance(each, str) for each in stops_of(stop))


def generate(session, prompt, tokenizer, *, max_new_tokens, temperature, top_k, top_p, seed, stop):
    """What a session writes: text for a text, else tokens [n] of int32. Trainer.generate explains."""
    stops = stops_of(stop)
    ends = [each for each in stops if isinstance(each, str)]
    for each in stops:
        if not isinstance(each, (int, np.integer, str)) or isinstance(each, bool) or each == "":
            refuse(f"generate: requires tokens and texts in stop, got {each!r}")
    if ends and tokenizer is None:
        refuse("generate: requires a tokenizer for a stop of text (tokenizer=..., or model.tokenizer), got none")
    for name, value in (("max_new_tokens", max_new_tokens), ("top_k", top_k), ("seed", seed)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or (name == "seed" and value < 0):
            refuse(f"generate: requires a whole number{' from 0 on' * (name == 'seed')} as {name}, got {value!r}")
    for name, value in (("temperature", temperature), ("top_p", top_p)):
        if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
            refuse(f"generate: requires a number as {name}, got {value!r}")
    tokens = tokens_of(prompt, tokenizer).tolist()
    options, choice = _core.GenerateOptions(), _core.ChoiceOptions()
    choice.temperature, choice.top_k, choice.top_p = float(temperature), top_k, float(top_p)
    options.tokens, options.seed, options.choice = max_new_tokens, seed, choice
    options.stops = [int(each) for each in stops if not isinstance(each, str)]
    if isinstance(prompt, str):
        options.vocabulary = tokenizer.size
    written: list[int] = []

    def take(token):
        written.append(token)
        return not ends or not any(end in tokenizer.decode(written) for end in ends)

    session.generate(tokens, options, take)
    if not isinstance(prompt, str):
        while any(end in tokenizer.decode(written) for end in ends):
            written.pop()
        return np.array(written, np.int32)
    text = tokenizer.decode(written)
    return text[: min((text.index(end) for end in ends if end in text), default=len(text))]
