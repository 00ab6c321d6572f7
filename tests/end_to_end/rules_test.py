"""The tensor-parallel rules find the plan that experts write by hand, for six families, without annotations.

On model=4 each attention block and each MLP has one all-reduce in the forward pass and one in the backward pass
(GPT-J's parallel block has one for both), and nothing else moves inside a block.
"""

import collections
import json
import os

from driver import Checks, cleave, scratch

# Configuration, and how many all-reduces each layer class has in the forward pass.
FAMILIES = {
    "gpt2": ({"n_embd": 32, "n_head": 4, "n_layer": 3, "vocab_size": 61, "n_positions": 32}, 2),
    "gptj": ({"n_embd": 32, "n_head": 4, "n_layer": 3, "vocab_size": 61, "n_positions": 32, "rotary_dim": 4}, 1),
    "llama": ({"hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 4, "num_key_value_heads": 4,
               "num_hidden_layers": 3,
               "vocab_size": 61, "max_position_embeddings": 32}, 2),
    "opt": ({"hidden_size": 32, "ffn_dim": 64, "num_attention_heads": 4, "num_hidden_layers": 3, "vocab_size": 61,
             "max_position_embeddings": 32, "word_embed_proj_dim": 32}, 2),
    "bert": ({"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4, "num_hidden_layers": 3,
              "vocab_size": 61,
              "max_position_embeddings": 32}, 2),
    "t5": ({"d_model": 32, "d_kv": 8, "d_ff": 64, "num_heads": 4, "num_layers": 3, "num_decoder_layers": 2,
            "vocab_size": 61}, {"encoder": 2, "decoder": 3}),
}
SMALL = 4 * 16 * 4  # bytes of one number for each token: statistics of the loss


def explain(family, fields, mesh="model=4"):
    work = scratch()
    config = os.path.join(work, "config.json")
    with open(config, "w") as out:
        json.dump(dict(fields, model_type=family), out)
    plan = os.path.join(work, "plan")
    sizes = ["--batch", 4, "--seq", 16] + (["--target-seq", 16] if family == "t5" else [])
    cleave("compile", config, "-o", plan, "--mesh", mesh, *sizes)
    return json.loads(cleave("explain", plan, "--json"))


def expected_for(expected, layer):
    return expected if isinstance(expected, int) else expected["encoder" if layer.startswith("encoder") else "decoder"]


def check_family(checks, family, fields, expected):
    told = explain(family, fields)
    counts = collections.defaultdict(collections.Counter)
    layers = {tuple(op["layer"]) for op in told["ops"] if op["layer"] and op["phase"] == "forward"}
    for collective in told["collectives"]:
        if collective["layer"]:
            counts[collective["phase"], tuple(collective["layer"])][collective["kind"]] += collective["count"]
    checks.check(len(layers) == (5 if family == "t5" else 3), f"{family}: its layers are marked, {len(layers)}")
    for layer in sorted(layers):
        want = expected_for(expected, layer[0])
        for phase in ("forward", "backward"):
            seen = dict(counts[phase, layer])
            # The gradients that all decoder layers send to the encoder's output are a sum of their own.
            extra = 1 if phase == "backward" and family == "t5" and layer[0].startswith("decoder") else 0
            holds = set(seen) <= {"all_reduce"} and want <= seen.get("all_reduce", 0) <= want + extra
            what = f"{family}: {phase} of {layer[0]} {layer[1]}"
            checks.check(holds, f"{what} has {want} all-reduces and moves nothing else: {seen}")
    check_logits(checks, family, told)


def check_logits(checks, family, told):
    """Whatever moves outside the layers is small, or as wide as the features: never as wide as the vocabulary."""
    values = {value["name"]: value for value in told["values"]}
    outside = [c for c in told["collectives"] if not c["layer"] and c["phase"] == "forward"]
    wide = [c for c in outside if c["bytes"] > 4 * 16 * 4 * 32]
    checks.check(not wide, f"{family}: logits are never reduced: {wide}")
    split = [name for name, value in values.items()
             if value["type"].startswith("61x") and value["placement"] == ["S(0)"]]
    checks.check(bool(split), f"{family}: the vocabulary splits")


def check_uneven(checks):
    for family, (fields, _) in FAMILIES.items():
        odd = dict(fields)
        for name in ("n_head", "num_attention_heads", "num_heads", "num_key_value_heads"):
            if name in odd:
                odd[name] = 3
        for name, size in (("n_embd", 36), ("hidden_size", 36), ("word_embed_proj_dim", 36), ("intermediate_size", 51),
                           ("ffn_dim", 51), ("d_ff", 51)):
            if name in odd:
                odd[name] = size
        told = explain(family, odd)
        checks.check(bool(told["collectives"]), f"{family}: 3 heads and odd widths compile on model=4")


def main():
    checks = Checks()
    for family, (fields, expected) in FAMILIES.items():
        check_family(checks, family, fields, expected)
    check_uneven(checks)
    checks.finish()


main()
