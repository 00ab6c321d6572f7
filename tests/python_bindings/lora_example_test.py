"""The example of low-rank adapters teaches a model that has read one page another one.

Usage: lora_example_test.py EXAMPLE PAGE OTHER_PAGE
"""

import os
import re
import subprocess
import sys
import unittest

import numpy as np
from support import scratch, tensors_of

import cleave

EXAMPLE, PAGE, OTHER = (os.path.abspath(argument) for argument in sys.argv[1:])
del sys.argv[1:]


def model_of_bytes(folder):
    """A small LLaMA that has read the page."""
    model = cleave.models.Llama(vocab_size=256, hidden_size=64, intermediate_size=128, num_hidden_layers=2,
                                num_attention_heads=4, max_position_embeddings=64, initializer_range=0.1)
    with open(PAGE, "rb") as file:
        text = np.frombuffer(file.read(), np.uint8).astype(np.int32)
    rows = text[: len(text) // 33 * 33].reshape(-1, 33)
    data = [{"input_ids": rows[i : i + 8, :-1], "labels": rows[i : i + 8, 1:]} for i in range(0, 400, 8)]
    with cleave.Trainer(cleave.compile(model, optimizer=cleave.AdamW(3e-3), batch=8, seq=32), data=data) as trainer:
        trainer.fit(200, progress=False)
        trainer.save(folder)
    cleave.BytePairTokenizer().save(os.path.join(folder, "vocab.json"))


class LoraExampleTest(unittest.TestCase):

    def test_it_learns_and_leaves_an_adapter(self):
        folder, adapter = scratch(), os.path.join(scratch(), "adapter")
        model_of_bytes(folder)
        done = subprocess.run([sys.executable, EXAMPLE, folder, OTHER, adapter], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        before, after = map(float, re.findall(r"loss (\S+)", done.stdout))
        self.assertGreater(before, 2.5)
        self.assertLess(after, before - 0.3)
        tensors = tensors_of(os.path.join(adapter, "adapter_model.safetensors"))
        self.assertEqual(len(tensors), 2 * 4 * 2)
        self.assertEqual(tensors["base_model.model.model.layers.1.mlp.up_proj.lora_A.weight"].shape, (8, 64))


if __name__ == "__main__":
    unittest.main()
