"""Steps and compilations give back the memory that they take."""

import gc
import unittest

from support import Bytes, Numbered, batches_of_bytes

import cleave

PAGE_KB = 4


def resident_kb():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * PAGE_KB


class MemoryTest(unittest.TestCase):

    def growth_kb(self, call, count):
        """What `count` calls add to the memory, once a quarter as many have been made: pools have then found their size."""
        for _ in range(count // 4):
            call()
        before = resident_kb()
        for _ in range(count):
            call()
        return resident_kb() - before

    def test_steps_leave_nothing_behind(self):
        trainer = cleave.Trainer(cleave.compile(Bytes(), batch=4, seq=8), threads=1)
        batch = next(batches_of_bytes())
        self.assertLess(self.growth_kb(lambda: trainer.step(batch), 10000), 1024)

    def test_fitted_steps_with_data_of_their_own_leave_nothing_behind(self):
        data = cleave.Mixture({"a": (batches_of_bytes(), 1.0), "b": (Numbered(), 2.0)})
        trainer = cleave.Trainer(cleave.compile(Bytes(), batch=4, seq=8), data=data, threads=1)
        self.assertLess(self.growth_kb(lambda: trainer.fit(trainer.steps + 10, progress=False), 1000), 1024)

    def test_compilations_leave_nothing_behind(self):
        self.assertLess(self.growth_kb(lambda: cleave.compile(Bytes(), batch=4, seq=8), 1000), 2048)

    def test_compilations_of_an_optimizer_of_ones_own_leave_nothing_behind(self):
        @cleave.optimizer(states=["m"])
        def momentum(p, g, state, step, lr):
            m = 0.9 * state["m"] + g
            return p - lr * m, {"m": m}

        self.assertLess(self.growth_kb(lambda: cleave.compile(Bytes(), batch=4, seq=8, optimizer=momentum()), 200), 2048)

    def test_closed_trainers_leave_nothing_behind(self):
        plan = cleave.compile(Bytes(), batch=4, seq=8)
        batch = next(batches_of_bytes())

        def run():
            with cleave.Trainer(plan, threads=1) as trainer:
                trainer.step(batch)

        self.assertLess(self.growth_kb(run, 100), 2048)


if __name__ == "__main__":
    unittest.main()
