"""Teaches a causal model a text by low-rank adapters: lora.py MODEL_FOLDER TEXT_FILE ADAPTER_FOLDER"""
import sys

import cleave

folder, text, out = sys.argv[1:]
model = cleave.load(folder)
tokens = model.tokenizer.encode(open(text).read())
rows = tokens[: len(tokens) // 33 * 33].reshape(-1, 33)
batches = [{"input_ids": rows[i : i + 8, :-1], "labels": rows[i : i + 8, 1:]} for i in range(0, len(rows) - 7, 8)]

cleave.lora(model, ["q_proj", "v_proj", "up_proj", "down_proj"], rank=8, alpha=16)
plan = cleave.compile(model, mesh=cleave.Mesh(data=2, model=2), optimizer=cleave.AdamW(1e-2), batch=8, seq=32)
trainer = cleave.Trainer(plan, data=batches)
print(f"loss {trainer.evaluate(batches):.3f}")
trainer.fit(3 * len(batches), progress=False)
print(f"loss {trainer.evaluate(batches):.3f}")
trainer.save_adapter(out)
