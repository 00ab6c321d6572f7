"""Trainers: loops, data, checkpoints, threads, Ctrl-C, memory."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import unittest

import numpy as np
from support import Bytes, batches_of_bytes, scratch, tensors_of

import cleave


def plan_of(**options):
    return cleave.compile(Bytes(), **{"batch": 4, "seq": 8, "optimizer": cleave.AdamW(1e-2), **options})


class Measured(Bytes):
    """Tells how often it is right and how large its logits are."""

    def loss(self, input_ids, labels):
        logits = self.logits(input_ids)
        figures = {"accuracy": cleave.nn.accuracy(logits, labels), "size": cleave.nn.abs(logits).mean()}
        return cleave.nn.cross_entropy(logits, labels), figures


class TrainingTest(unittest.TestCase):

    def test_fit_takes_steps_writes_metrics_and_calls_back(self):
        folder, seen = scratch(), []
        path = os.path.join(folder, "metrics.jsonl")
        trainer = cleave.Trainer(plan_of(mesh=cleave.Mesh(data=2)), data=batches_of_bytes())
        last = trainer.fit(20, metrics=path, progress=False, callbacks=lambda metrics: seen.append(metrics.loss))
        with open(path) as lines:
            rows = [json.loads(line) for line in lines]
        self.assertEqual([row["step"] for row in rows], list(range(1, 21)))
        self.assertEqual([row["loss"] for row in rows], seen)
        self.assertEqual(last.step, 20)
        self.assertLess(seen[-1], seen[0])

    def test_fit_and_steps_of_ones_own_are_the_same(self):
        fitted = cleave.Trainer(plan_of(), data=batches_of_bytes())
        fitted.fit(5, progress=False)
        stepped, data = cleave.Trainer(plan_of()), batches_of_bytes()
        for _ in range(5):
            stepped.step(next(data))
        np.testing.assert_array_equal(fitted.read("head.weight"), stepped.read("head.weight"))

    def test_a_resumed_run_is_bitwise_equal(self):
        plan, folder = plan_of(mesh=cleave.Mesh(data=2)), scratch()
        whole, data = cleave.Trainer(plan, seed=3), batches_of_bytes()
        batches = [next(data) for _ in range(8)]
        for batch in batches:
            whole.step(batch)
        first = cleave.Trainer(plan, seed=3)
        for batch in batches[:5]:
            first.step(batch)
        first.checkpoint(folder)
        first.close()
        second = cleave.Trainer(plan, resume=folder)
        self.assertEqual(second.steps, 5)
        for batch in batches[5:]:
            second.step(batch)
        for name in plan.parameters:
            np.testing.assert_array_equal(whole.read(name), second.read(name), name)

    def test_a_killed_run_goes_on_bitwise_equal(self):
        data = batches_of_bytes()
        batches = [next(data) for _ in range(12)]
        plan = plan_of()
        whole = cleave.Trainer(plan)
        for batch in batches:
            whole.step(batch)
        program = (
            "import os, signal, sys\nimport cleave\nfrom support import Bytes, batches_of_bytes\n"
            "folder, last = sys.argv[1], int(sys.argv[2])\n"
            "data = batches_of_bytes()\nbatches = [next(data) for _ in range(12)]\n"
            "plan = cleave.compile(Bytes(), batch=4, seq=8, optimizer=cleave.AdamW(1e-2))\n"
            "has_run = os.path.exists(os.path.join(folder, 'latest'))\n"
            "trainer = cleave.Trainer(plan, resume=folder if has_run else None)\n"
            "while trainer.steps < 12:\n"
            "    trainer.step(batches[trainer.steps])\n"
            "    if trainer.steps % 2 == 0: trainer.checkpoint(folder)\n"
            "    if trainer.steps == last: os.kill(os.getpid(), signal.SIGKILL)\n"
            "trainer.save(os.path.join(folder, 'end.safetensors'))\n")
        random = np.random.default_rng(5)
        for _ in range(10):
            folder, last = scratch(), int(random.integers(1, 12))
            for expected, stop in ((-signal.SIGKILL, last), (0, 0)):
                done = subprocess.run([sys.executable, "-c", program, folder, str(stop)], capture_output=True,
                                      text=True)
                self.assertEqual(done.returncode, expected, done.stderr)
            for name, value in tensors_of(os.path.join(folder, "end.safetensors")).items():
                np.testing.assert_array_equal(value, whole.read(name), f"{name}, killed at step {last}")

    def test_arrays_of_any_layout_and_integer_dtype_give_the_same_step(self):
        batch = next(batches_of_bytes())
        turned = {name: np.asfortranarray(array) for name, array in batch.items()}
        wide = {name: array.astype(np.int64) for name, array in batch.items()}
        backwards = {name: np.ascontiguousarray(array[:, ::-1])[:, ::-1] for name, array in batch.items()}
        plan = plan_of()
        losses = {cleave.Trainer(plan).step(each).loss for each in (batch, turned, wide, backwards)}
        self.assertEqual(len(losses), 1)

    def test_microbatches_take_a_batch_as_it_is(self):
        batch = next(batches_of_bytes())
        whole, sliced = (cleave.Trainer(plan_of(microbatches=count)).step(batch).loss for count in (1, 2))
        self.assertAlmostEqual(whole, sliced, delta=1e-5 * whole)

    def test_fit_evaluates_between_steps_and_at_the_end(self):
        path = os.path.join(scratch(), "metrics.jsonl")
        held_out = [next(batches_of_bytes())]
        trainer, expected = cleave.Trainer(plan_of(), data=batches_of_bytes()), {}

        def evaluate(metrics):
            expected[metrics.step] = trainer.evaluate(held_out)

        trainer.fit(5, metrics=path, eval_data=held_out, eval_every=2, callbacks=[evaluate], progress=False)
        with open(path) as lines:
            rows = {row["step"]: row for row in map(json.loads, lines)}
        self.assertEqual({step: row["eval_loss"] for step, row in rows.items() if "eval_loss" in row},
                         {step: expected[step] for step in (2, 4, 5)})

    def test_callbacks_are_called_in_order_and_end_the_run(self):
        called = []
        trainer = cleave.Trainer(plan_of(), data=batches_of_bytes())
        trainer.fit(9, progress=False, callbacks=[lambda metrics: called.append(("first", metrics.step)),
                                                  lambda metrics: metrics.step == 2,
                                                  lambda metrics: called.append(("last", metrics.step))])
        self.assertEqual(called, [("first", 1), ("last", 1), ("first", 2), ("last", 2)])
        self.assertEqual(trainer.steps, 2)

    def test_metrics_of_a_loss_are_reported(self):
        path, told = os.path.join(scratch(), "metrics.jsonl"), []
        held_out = [next(batches_of_bytes()), next(batches_of_bytes())]
        held_out[1]["labels"][:, :6] = -100
        for options in ({}, {"mesh": cleave.Mesh(data=2, model=2)}, {"mesh": cleave.Mesh(data=2), "microbatches": 2}):
            plan = cleave.compile(Measured(), batch=4, seq=8, optimizer=cleave.SGD(0.5), **options)
            trainer, batches = cleave.Trainer(plan, data=batches_of_bytes()), batches_of_bytes()
            last = trainer.fit(3, metrics=path, eval_data=held_out, progress=False)
            with open(path) as lines:
                rows = [json.loads(line) for line in lines]
            self.assertEqual(rows[-1]["metrics"], last.named)
            self.assertEqual(rows[-1]["eval_metrics"], last.eval_named)
            evaluated = trainer.evaluate_metrics(held_out)
            self.assertEqual({"loss": last.eval_loss, **last.eval_named}, evaluated)
            told.append([{"loss": row["loss"], **row["metrics"]} for row in rows] + [evaluated])
            # The metrics are what NumPy says of the logits.
            untrained = cleave.Trainer(plan)
            batch = next(batches)
            logits = np.concatenate([untrained.run("logits", {"input_ids": batch["input_ids"][row:row + 1]})["logits"]
                                     for row in range(4)])
            hits = (logits.argmax(-1) == batch["labels"]).mean()
            self.assertAlmostEqual(rows[0]["metrics"]["accuracy"], hits, delta=1e-6)
            self.assertAlmostEqual(rows[0]["metrics"]["size"], np.abs(logits).mean(), delta=1e-6)
        for others in told[1:]:
            for one, other in zip(told[0], others):
                self.assertEqual(one.keys(), other.keys())
                for name, value in one.items():
                    self.assertAlmostEqual(value, other[name], delta=1e-5, msg=name)

    def test_evaluate_is_the_mean_over_all_labels(self):
        trainer, data = cleave.Trainer(plan_of()), batches_of_bytes()
        batches = [next(data), next(data)]
        self.assertAlmostEqual(trainer.evaluate(batches), np.log(64), delta=0.3)
        first, second = (trainer.evaluate([batch]) for batch in batches)
        self.assertAlmostEqual(trainer.evaluate(batches), (first + second) / 2, delta=1e-5)

    def test_weights_are_saved_under_the_parameters_names(self):
        path = os.path.join(scratch(), "weights.safetensors")
        trainer = cleave.Trainer(plan_of())
        trainer.save(path)
        self.assertEqual(tensors_of(path).keys(), trainer.plan.parameters.keys())
        again = cleave.Trainer(plan_of(), weights=path, seed=9)
        np.testing.assert_array_equal(trainer.read("head.weight"), again.read("head.weight"))

    def test_what_read_gives_outlives_the_trainer(self):
        trainer = cleave.Trainer(plan_of())
        weights = trainer.read("head.weight")
        copy = weights.copy()
        trainer.close()
        np.testing.assert_array_equal(weights, copy)

    def test_other_threads_run_while_a_step_does(self):
        trainer, data = cleave.Trainer(plan_of(batch=64, seq=64)), batches_of_bytes(64, 64)
        counted, done = [0], threading.Event()

        def count():
            while not done.is_set():
                counted[0] += 1
                time.sleep(0)  # gives the lock back

        counter = threading.Thread(target=count)
        batch = next(data)
        switch, least = sys.getswitchinterval(), 0
        sys.setswitchinterval(1e3)  # nobody gives the lock away but who releases it
        try:
            counter.start()
            least = counted[0]
            trainer.step(batch)
        finally:
            done.set()
            sys.setswitchinterval(switch)
            counter.join()
        self.assertGreater(counted[0], least)

    def test_ctrl_c_ends_between_steps_and_leaves_a_checkpoint(self):
        folder = scratch()
        program = (
            "import os, signal\nimport cleave\nfrom support import Bytes, batches_of_bytes\n"
            "def stop(metrics):\n    if metrics.step == 3: os.kill(os.getpid(), signal.SIGINT)\n"
            "plan = cleave.compile(Bytes(), batch=4, seq=8)\n"
            f"cleave.Trainer(plan, data=batches_of_bytes()).fit(10**6, checkpoint={folder!r}, callbacks=[stop])\n")
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        self.assertEqual(done.returncode, -signal.SIGINT, done.stderr)
        self.assertIn("KeyboardInterrupt", done.stderr)
        resumed = cleave.Trainer(cleave.compile(Bytes(), batch=4, seq=8), resume=folder)
        self.assertEqual(resumed.steps, 3)

    def test_a_plan_file_is_the_plan(self):
        path = os.path.join(scratch(), "bytes.plan")
        plan = plan_of(mesh=cleave.Mesh(data=2, model=2))
        plan.save(path)
        again = cleave.load_plan(path)
        self.assertEqual((again.hash, again.mesh, again.parameters), (plan.hash, plan.mesh, plan.parameters))
        batch = next(batches_of_bytes())
        self.assertEqual(cleave.Trainer(again).step(batch).loss, cleave.Trainer(plan).step(batch).loss)


if __name__ == "__main__":
    unittest.main()
