"""A type checker knows the package: it lets right programs through and names what is wrong in others."""

import os
import subprocess
import unittest

import cleave

import support

PROGRAM = """
import numpy as np
import cleave

class Model(cleave.nn.Module):
    pass

plan: cleave.Plan = cleave.compile(Model(), mesh=cleave.Mesh(data=2), optimizer=cleave.AdamW(3e-4), batch=4, seq=8)
trainer = cleave.Trainer(plan, data=[{"input_ids": np.zeros((4, 8))}])
loss: float = trainer.step({"input_ids": np.zeros((4, 8))}).loss
placed: cleave.Placement = cleave.S(1)
steps: int = trainer.steps
figures: dict[str, float] = trainer.step({}).named

@cleave.optimizer(states=("m",))
def own(p, g, state, step, lr, decay=0.9):
    return p - lr * g, {"m": state["m"]}

cleave.compile(Model(), optimizer=own(cleave.Cosine(1e-3, 10), decay=0.5), batch=4)
mixture = cleave.Mixture({"a": ([{"input_ids": np.zeros((4, 8))}], 1.0)}, seed=3)
last = cleave.Trainer(plan, data=mixture, prefetch=2).fit(3, callbacks=[lambda metrics: metrics.step == 2], eval_every=1)
adapted: cleave.nn.Module = cleave.lora(Model(), ["head"], rank=4)
tokenizer: cleave.BytePairTokenizer = cleave.BytePairTokenizer.train("a text", 256)
trainer.generate("a text", 8, tokenizer=tokenizer, top_p=0.9, stop=["."])
drawing: cleave.Drawing = cleave.draw((4, 4), cleave.Mesh(data=2), data=placed)
page: cleave.Page = plan.visualize()
text: str = plan.explain()
"""
WRONG = {
    "a text as a batch size": 'cleave.compile(Model(), batch="4")',
    "a field that metrics lack": "trainer.step({}).losss",
    "a path for a plan": 'cleave.Trainer("a.plan")',
    "an optimizer that was not called": "cleave.compile(Model(), batch=4, optimizer=own)",
    "a mixture without weights": 'cleave.Mixture({"a": []})',
    "no tokenizer": 'trainer.generate("a text", tokenizer=3)',
    "a text as a dimension": 'cleave.S("1")',
}


class TypesTest(unittest.TestCase):

    def errors_of(self, program):
        path = os.path.join(support.scratch(), "program.py")
        with open(path, "w") as file:
            file.write(program)
        packages = os.path.dirname(os.path.dirname(cleave.__file__))
        command = ["/usr/bin/mypy", "--no-incremental", "--ignore-missing-imports", "--follow-imports=silent", path]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "MYPYPATH": packages})
        self.assertIn(done.returncode, (0, 1), done.stdout + done.stderr)
        return done.stdout if done.returncode else ""

    def test_right_programs_pass(self):
        self.assertEqual(self.errors_of(PROGRAM), "")

    def test_wrong_ones_are_named(self):
        errors = self.errors_of(PROGRAM + "\n".join(WRONG.values()) + "\n")
        first = PROGRAM.count("\n") + 1
        for line, what in enumerate(WRONG, first):
            self.assertIn(f"program.py:{line}: error", errors, what)


if __name__ == "__main__":
    unittest.main()
