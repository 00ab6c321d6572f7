"""Data: prefetch, states in checkpoints, mixtures."""

import gc
import json
import os
import random
import signal
import subprocess
import sys
import threading
import traceback
import unittest
import warnings

import numpy as np
from support import Bytes, Numbered, batches_of_bytes, scratch, tensors_of

import cleave


def plan_of(**options):
    return cleave.compile(Bytes(), **{"batch": 4, "seq": 8, "optimizer": cleave.AdamW(1e-2), **options})


PLAN = plan_of()


def number_of(batch):
    """Of a batch that Numbered made."""
    return int(batch["input_ids"][0, 0])


class PrefetchTest(unittest.TestCase):

    def test_the_next_batch_is_made_while_a_step_runs(self):
        makers, is_made = [], threading.Event()

        def batches():
            for number, batch in enumerate(batches_of_bytes()):
                makers.append(threading.current_thread())
                if number == 1:
                    is_made.set()
                yield batch

        trainer = cleave.Trainer(PLAN, data=batches())
        # The second one is there before fit asks for it.
        trainer.fit(2, progress=False, callbacks=lambda metrics: self.assertTrue(is_made.wait(60)))
        self.assertEqual(len(set(makers)), 1)
        self.assertIsNot(makers[0], threading.current_thread())

    def test_the_order_stays_and_no_batch_is_taken_that_no_step_wants(self):
        weights = []
        for prefetch in (0, 1, 3):
            source = Numbered()
            data = iter(source)
            trainer = cleave.Trainer(PLAN, data=data, prefetch=prefetch)
            trainer.fit(4, progress=False)
            self.assertEqual(source.made, 4)
            trainer.step(next(data))
            trainer.fit(8, progress=False)
            self.assertEqual(source.made, 8)
            weights.append(trainer.read("head.weight"))
        np.testing.assert_array_equal(weights[0], weights[1])
        np.testing.assert_array_equal(weights[0], weights[2])

    def test_data_may_fill_the_arrays_that_they_gave_anew(self):
        weights = []
        for prefetch in (0, 1, 3):
            def batches():
                kept = next(batches_of_bytes())
                for batch in batches_of_bytes():
                    for name, array in batch.items():
                        kept[name][:] = array
                    yield kept

            trainer = cleave.Trainer(PLAN, data=batches(), prefetch=prefetch)
            trainer.fit(8, progress=False)
            weights.append(trainer.read("head.weight"))
        np.testing.assert_array_equal(weights[0], weights[1])
        np.testing.assert_array_equal(weights[0], weights[2])

    def test_an_error_of_the_data_comes_with_its_traceback_after_the_steps_before_it(self):
        def broken():
            yield from (next(batches_of_bytes()) for _ in range(3))
            raise OSError("the disk is gone")

        for prefetch in (0, 2):
            folder = scratch()
            trainer = cleave.Trainer(PLAN, data=broken(), prefetch=prefetch)
            told = ""
            try:
                trainer.fit(9, progress=False, checkpoint=folder)
            except OSError:
                told = traceback.format_exc()
            self.assertIn("in broken\n", told)
            self.assertIn("OSError: the disk is gone", told)
            self.assertEqual(cleave.Trainer(PLAN, resume=folder).steps, 3)

    def test_ctrl_c_in_the_data_ends_the_run(self):
        def interrupted():
            yield next(batches_of_bytes())
            raise KeyboardInterrupt

        trainer = cleave.Trainer(PLAN, data=interrupted())
        with self.assertRaises(KeyboardInterrupt):
            trainer.fit(9, progress=False)
        self.assertEqual(trainer.steps, 1)

    def test_ctrl_c_while_waiting_for_data_ends_the_run_at_once(self):
        folder = scratch()
        program = (
            "import os, signal, threading\nimport cleave\nfrom support import Bytes, batches_of_bytes\n"
            "def slow():\n    yield next(batches_of_bytes())\n"
            "    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
            "    threading.Event().wait()\n"
            "plan = cleave.compile(Bytes(), batch=4, seq=8)\n"
            f"cleave.Trainer(plan, data=slow()).fit(9, checkpoint={folder!r})\n")
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        self.assertEqual(done.returncode, -signal.SIGINT, done.stderr)
        self.assertEqual(cleave.Trainer(PLAN, resume=folder).steps, 1)

    def test_threads_end_with_their_trainers(self):
        makers = []

        def batches():
            for batch in batches_of_bytes():
                makers.append(threading.current_thread())
                yield batch

        for _ in range(5):
            with cleave.Trainer(PLAN, data=batches()) as trainer:
                trainer.fit(2, progress=False)
        cleave.Trainer(PLAN, data=batches()).fit(2, progress=False)  # and where nobody closes it
        gc.collect()
        for maker in makers:
            maker.join(60)
        self.assertEqual(len(set(makers)), 6)
        self.assertFalse(any(maker.is_alive() for maker in makers))


    def test_the_interpreter_ends_without_a_word(self):
        program = ("import cleave\nfrom support import Bytes, batches_of_bytes\n"
                   "def batches():\n    yield from batches_of_bytes()\n"  # knows all globals, the trainer too
                   "trainer = cleave.Trainer(cleave.compile(Bytes(), batch=4, seq=8), data=batches())\n"
                   "trainer.fit(3, progress=False)\n")
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))


class StateTest(unittest.TestCase):

    def test_a_checkpoint_has_the_state_behind_the_steps_taken(self):
        for prefetch in (0, 1, 4):
            folder, seen = scratch(), []
            trainer = cleave.Trainer(PLAN, data=Numbered(), prefetch=prefetch)

            def save(metrics):
                with open(os.path.join(trainer.checkpoint(folder), "data.json")) as file:
                    seen.append((metrics.step, json.load(file)["at"]))

            trainer.fit(6, progress=False, callbacks=save)
            self.assertEqual(seen, [(step, step) for step in range(1, 7)])

    def test_a_resumed_run_goes_on_with_its_data(self):
        whole = cleave.Trainer(PLAN, data=Numbered())
        whole.fit(9, progress=False)
        folder = scratch()
        cleave.Trainer(PLAN, data=Numbered(), prefetch=3).fit(
            20, checkpoint=folder, progress=False, callbacks=lambda metrics: metrics.step == 5)
        source = Numbered()
        resumed = cleave.Trainer(PLAN, data=source, resume=folder)
        self.assertEqual((resumed.steps, source.at), (5, 5))
        resumed.fit(9, progress=False)
        np.testing.assert_array_equal(whole.read("head.weight"), resumed.read("head.weight"))

    def test_a_loop_of_ones_own_is_saved_where_the_data_stand(self):
        folder, source = scratch(), Numbered()
        trainer = cleave.Trainer(PLAN, data=source)
        for batch in source:
            if trainer.step(batch).step == 3:
                break
        trainer.checkpoint(folder)
        again = Numbered()
        cleave.Trainer(PLAN, data=again, resume=folder)
        self.assertEqual(again.at, 3)

    def test_a_checkpoint_of_fit_without_a_step_knows_of_the_loop_before_it(self):
        folder, source = scratch(), Numbered()
        trainer = cleave.Trainer(PLAN, data=source)
        trainer.fit(2, progress=False)
        for batch in source:
            if trainer.step(batch).step == 5:
                break
        trainer.fit(5, progress=False, checkpoint=folder)
        again = Numbered()
        cleave.Trainer(PLAN, data=again, resume=folder)
        self.assertEqual(again.at, 5)

    def test_ten_killed_runs_go_on_bitwise_equal(self):
        whole = cleave.Trainer(PLAN, data=mixture())
        whole.fit(14, progress=False)
        program = (
            "import os, signal, sys\nimport cleave\nfrom data_test import mixture\nfrom support import Bytes\n"
            "folder, last = sys.argv[1], int(sys.argv[2])\n"
            "plan = cleave.compile(Bytes(), batch=4, seq=8, optimizer=cleave.AdamW(1e-2))\n"
            "has_run = os.path.exists(os.path.join(folder, 'latest'))\n"
            "trainer = cleave.Trainer(plan, data=mixture(), prefetch=2, resume=folder if has_run else None)\n"
            "def kill(metrics):\n    if metrics.step == last: os.kill(os.getpid(), signal.SIGKILL)\n"
            "trainer.fit(14, checkpoint=folder, checkpoint_every=3, callbacks=kill, progress=False)\n"
            "trainer.save(os.path.join(folder, 'end.safetensors'))\n")
        drawn = np.random.default_rng(3)
        for _ in range(10):
            folder, last = scratch(), int(drawn.integers(1, 14))
            for expected, stop in ((-signal.SIGKILL, last), (0, 0)):
                done = subprocess.run([sys.executable, "-c", program, folder, str(stop)], capture_output=True,
                                      text=True)
                self.assertEqual(done.returncode, expected, done.stderr)
            for name, value in tensors_of(os.path.join(folder, "end.safetensors")).items():
                np.testing.assert_array_equal(value, whole.read(name), f"{name}, killed at step {last}")

    def test_data_that_can_not_take_a_state_are_warned_of(self):
        folder = scratch()
        cleave.Trainer(PLAN, data=Numbered()).fit(2, checkpoint=folder, progress=False)
        with self.assertWarnsRegex(UserWarning, "they begin anew") as caught:
            cleave.Trainer(PLAN, data=batches_of_bytes(), resume=folder)
        self.assertEqual(os.path.basename(caught.filename), "data_test.py")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            cleave.Trainer(PLAN, data=Numbered(), resume=folder)

    def test_a_state_comes_back_as_it_was(self):
        class Stateful(Numbered):
            def state_dict(self):
                return {"random": random.Random(3).getstate(), "generator": np.random.default_rng(4).bit_generator.state,
                        "orders": [np.arange(6, dtype=np.int16).reshape(2, 3)[:, ::-1], np.float32(0.5)],
                        "raw": b"\0\xff", "none": None, "text": "\u00e9", "nan": float("nan"), "at": (1, [2, (3,)])}

            def load_state_dict(self, state):
                self.loaded = state

        folder, data = scratch(), Stateful()
        cleave.Trainer(PLAN, data=data).fit(1, checkpoint=folder, progress=False)
        cleave.Trainer(PLAN, data=data, resume=folder)
        saved, loaded = data.state_dict(), data.loaded
        np.testing.assert_array_equal(loaded.pop("orders")[0], saved.pop("orders")[0])
        self.assertTrue(np.isnan(loaded.pop("nan")) and np.isnan(saved.pop("nan")))
        self.assertEqual(loaded, saved)
        random.setstate(loaded["random"])

    def test_a_state_that_can_not_be_kept_matters_for_checkpoints_alone(self):
        data = Numbered()
        data.state_dict = lambda: {"position": [data.at, {"random": object()}]}
        trainer = cleave.Trainer(PLAN, data=data)
        trainer.fit(2, progress=False)
        with self.assertRaisesRegex(cleave.Error, r"in state_dict\(\)\['position'\]\[1\]\['random'\].* got object"):
            trainer.fit(4, progress=False, checkpoint=scratch())
        self.assertEqual(trainer.steps, 2)


def mixture():
    listed = [{name: array + number % 7 for name, array in next(batches_of_bytes()).items()} for number in range(-3, 0)]
    for batch in listed:
        batch["input_ids"] %= 64
        batch["labels"] %= 64
    return cleave.Mixture({"listed": (listed, 1.0), "numbered": (Numbered(), 2.0)}, seed=11)


class MixtureTest(unittest.TestCase):

    def test_sources_are_drawn_by_weight_and_seed(self):
        def drawn(seed):
            data = cleave.Mixture({"a": ([{"input_ids": np.full((4, 8), 1)}], 1), "b": (
                [{"input_ids": np.full((4, 8), 2)}], 3)}, seed)
            return [number_of(next(data)) for _ in range(2000)]

        self.assertEqual(drawn(1), drawn(1))
        self.assertNotEqual(drawn(1), drawn(2))
        self.assertAlmostEqual(drawn(1).count(2) / 2000, 0.75, delta=0.05)

    def test_each_source_keeps_its_order_and_begins_anew(self):
        batches = [{"input_ids": np.full((4, 8), number)} for number in range(3)]
        data = cleave.Mixture({"a": (batches, 1.0), "b": (Numbered(first=10), 1.0)})
        taken = [number_of(next(data)) for _ in range(40)]
        listed = [number for number in taken if number < 10]
        self.assertEqual(listed, [number % 3 for number in range(len(listed))])
        self.assertEqual([number for number in taken if number >= 10], [10 + number for number in range(40 - len(listed))])

    def test_a_state_brings_all_sources_back(self):
        first = mixture()
        before = [number_of(next(first)) for _ in range(17)]
        state = json.loads(json.dumps(first.state_dict()))
        after = [next(first) for _ in range(20)]
        second = mixture()
        second.load_state_dict(state)
        for expected in after:
            seen = next(second)
            np.testing.assert_array_equal(seen["input_ids"], expected["input_ids"])
        first.load_state_dict(mixture().state_dict())
        self.assertEqual([number_of(next(first)) for _ in range(17)], before)


if __name__ == "__main__":
    unittest.main()
