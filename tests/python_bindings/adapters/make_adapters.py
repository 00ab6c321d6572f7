#!/usr/bin/env python3
"""Writes the folders beside this file: low-rank adapters by Hugging Face PEFT, of models of tests/end_to_end/fixtures.

    python3 -m venv venv
    venv/bin/pip install torch==2.15.0 transformers==5.24.0 peft==0.21.2 safetensors numpy
    venv/bin/python tests/python_bindings/adapters/make_adapters.py            # writes
    venv/bin/pip install dist/cleave-*.whl
    venv/bin/python tests/python_bindings/adapters/make_adapters.py --check    # compares what PEFT makes of Cleave's

`adapter_config.json` and `adapter_model.safetensors` are PEFT's own; `golden.safetensors` holds, in float64 rounded to
float32, the `logits` of the first batch and, as "trained.NAME", the adapter after the fixture's 20 steps of SGD.
`--check` trains the adapter with Cleave on four devices, loads what it saves with PEFT, and compares logits.
"""

import json
import pathlib
import sys
import tempfile

import numpy as np
import peft
import torch
from safetensors.torch import load_file, save_file

HERE = pathlib.Path(__file__).resolve().parent
FIXTURES = HERE.parent.parent / "end_to_end" / "fixtures"
sys.path.insert(0, str(FIXTURES))

from figures import TENSORS, logits_of, no_narrowing, read_model, train  # noqa: E402

ADAPTERS = {
    "gpt2_three_heads": dict(target_modules=["c_attn", "mlp.c_proj"], r=3, lora_alpha=6, fan_in_fan_out=True),
    "mistral_window": dict(target_modules=["q_proj", "v_proj", "down_proj"], r=2, lora_alpha=5),
}
SGD = dict(optimizer="sgd", lr=0.1, momentum=0.9, weight_decay=0.0, clip_norm=1.0)


def adapted(name, dtype):
    return peft.PeftModel.from_pretrained(read_model(FIXTURES / name, dtype), HERE / name, is_trainable=True).eval()


def write(name, settings):
    torch.manual_seed(len(name))
    model = peft.get_peft_model(read_model(FIXTURES / name, torch.float32),
                                peft.LoraConfig(task_type="CAUSAL_LM", **settings))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    model.base_model.model.name_or_path = name
    model.peft_config["default"].base_model_name_or_path = name
    model.save_pretrained(HERE / name)
    (HERE / name / "README.md").unlink()
    data, golden = load_file(FIXTURES / name / "data.safetensors"), sizes(name)
    with no_narrowing():
        model = adapted(name, torch.float64)
        model.double()
        tensors = {"logits": logits_of(model, data, golden)}
        losses, _ = train(model, data, {**SGD, **golden})
        trained = peft.get_peft_model_state_dict(model)
    tensors.update({f"trained.{key}": tensor for key, tensor in trained.items()})
    save_file({key: tensor.detach().float().contiguous() for key, tensor in tensors.items()}, HERE / name / TENSORS)
    print(f"{name:18} loss {losses[0]:.4f} -> {losses[-1]:.4f}", *trained, sep="\n  ")


def sizes(name):
    golden = json.loads((FIXTURES / name / "golden.json").read_text())
    return {"batch": golden["batch"], "seq": golden["seq"]}


def check(name):
    import cleave

    data, golden = load_file(FIXTURES / name / "data.safetensors"), sizes(name)
    model = cleave.load_adapter(cleave.load(FIXTURES / name), HERE / name)
    plan = cleave.compile(model, mesh=cleave.Mesh(data=2, model=2), **golden)
    with tempfile.TemporaryDirectory() as folder, cleave.Trainer(plan) as trainer:
        trainer.step({key: tensor[: golden["batch"]].numpy() for key, tensor in data.items()})
        trainer.save_adapter(folder)
        theirs = peft.PeftModel.from_pretrained(read_model(FIXTURES / name, torch.float32), folder).eval()
        again = cleave.load_adapter(cleave.load(FIXTURES / name), folder)
        ours = again.predict(input_ids=data["input_ids"][: golden["batch"]].numpy())
        theirs = logits_of(theirs, data, golden).numpy()
        error = float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))
    print(f"{name:18} logits of what Cleave has trained: off by {error:.1e}")
    if error > 1e-5:
        raise SystemExit(f"{name}: requires logits within 1e-5")


if __name__ == "__main__":
    for name, settings in ADAPTERS.items():
        check(name) if "--check" in sys.argv[1:] else write(name, settings)
