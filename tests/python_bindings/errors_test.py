"""Bad use gives errors that name the user's file and line and the rule; none ends the interpreter."""

import inspect
import os
import threading
import unittest

import numpy as np
from support import Bytes, batches_of_bytes, scratch

import cleave
from cleave import nn

FIXTURE, BERT = "tests/end_to_end/fixtures/gpt2_untied", "tests/end_to_end/fixtures/bert_untied"


class Custom(nn.Module):
    """A model whose loss is a function of float inputs x [4, 6], a parameter w [6, 5], and integers y [4]."""

    def __init__(self, function):
        self.w = nn.Parameter(6, 5)
        self.linear = nn.Linear(7, 3)
        self.norm = nn.LayerNorm(5)
        self.filters, self.six = nn.Parameter(2, 3, 1, 1), nn.Parameter(6)
        self._function = function

    def loss(self, x, y):
        return self._function(self, x, y)


def custom(function):
    """Compiles that model. The error names a line of `function`."""
    inputs = {"x": cleave.Input(4, 6, dtype="float32"), "y": cleave.Input(4)}
    return lambda: cleave.compile(Custom(function), batch=4, inputs=inputs)


class Cauchy(nn.Module):
    def __init__(self):
        self.table = nn.Embedding(256, 8, init=nn.Init("cauchy"))

    def loss(self, input_ids, labels):
        return nn.cross_entropy(self.table(input_ids), labels)


def simple(**options):
    return lambda: cleave.compile(Bytes(), **{"batch": 4, "seq": 8, **options})


def optimized(function, **options):
    return lambda: cleave.compile(Bytes(), batch=4, seq=8, optimizer=cleave.optimizer(states=["m"])(function)(**options))


def descent(p, g, state, step, lr):
    return p - lr * g, {}


def step(change=None, **options):
    """Takes a step on a batch that `change` has spoilt."""
    def run():
        trainer = cleave.Trainer(cleave.compile(Bytes(), batch=4, seq=8, **options))
        batch = next(batches_of_bytes())
        change(batch)
        trainer.step(batch)
    return run


def closed(call):
    def run():
        trainer = cleave.Trainer(cleave.compile(Bytes(), batch=4, seq=8))
        trainer.close()
        call(trainer)
    return run


def spoilt_file(name, content, call):
    def run():
        path = os.path.join(scratch(), name)
        with open(path, "wb") as file:
            file.write(content)
        call(path)
    return run


def loaded(**fields):
    return lambda: cleave.models.GPT2(**{"n_layer": 1, "n_embd": 8, "n_head": 2, **fields})


def after_the_end():
    kept = []
    custom(lambda m, x, y: kept.append(x) or (x @ m.w).mean())()
    custom(lambda m, x, y: (x * kept[0]).mean())()


def of_another_model():
    kept = []
    inner = custom(lambda m, x, y: (x * kept[0]).mean())
    custom(lambda m, x, y: kept.append(x) or inner())()


def while_another_thread_steps():
    trainer = cleave.Trainer(cleave.compile(Bytes(), batch=256, seq=64, mesh=cleave.Mesh(data=2)))
    batch = next(batches_of_bytes(256, 64))
    ended = []

    def worker():
        while not ended:
            try:
                trainer.step(batch)
            except cleave.Error:
                pass

    thread = threading.Thread(target=worker)
    thread.start()
    try:
        for _ in range(10**5):
            trainer.step(batch)
    finally:
        ended.append(True)
        thread.join()


def set_item(name, value):
    return lambda batch: batch.update({name: value})


def other_plan(trainer_call):
    return lambda: trainer_call(cleave.Trainer(cleave.compile(Bytes(), batch=4, seq=8)))


def fitted(data, **options):
    return lambda: cleave.Trainer(cleave.compile(Bytes(), batch=4, seq=8), data=data).fit(3, progress=False, **options)


X = np.zeros((4, 8), np.int32)

CASES = [
    # Models.
    ("features that differ", custom(lambda m, x, y: m.linear(x).mean()), '"linear": requires 7 features, got 6'),
    ("shapes that do not broadcast", custom(lambda m, x, y: (x + m.w).mean()), "add: requires shapes that broadcast"),
    ("a matmul of other sizes", custom(lambda m, x, y: (x @ x).mean()), "requires 4 features, got 6"),
    ("a norm of other features", custom(lambda m, x, y: m.norm(x).mean()), '"norm": requires 5 features, got 6'),
    ("a sum of two dtypes", custom(lambda m, x, y: (x[:, 0] + y).mean()), "requires operands of one type"),
    ("an embedding of floats", custom(lambda m, x, y: nn.embedding(x, m.w).mean()), "ids of int32"),
    ("an activation that nobody knows", custom(lambda m, x, y: nn.activation(x, "swoosh").mean()), "got swoosh"),
    ("a reshape that loses elements", custom(lambda m, x, y: x.reshape(5, 5).mean()), "requires 24 elements, got 25"),
    ("no permutation", custom(lambda m, x, y: x.transpose(0, 0).mean()), "requires a permutation of 2 dimensions"),
    ("a slice beyond the end", custom(lambda m, x, y: nn.slice(x, [0, 0], [4, 9]).mean()), "requires a part of 4x6"),
    ("too many indices", custom(lambda m, x, y: x[0, 0, 0]), "requires at most 2 indices, got 3"),
    ("a step in a slice", custom(lambda m, x, y: x[::2].mean()), "slices of step 1"),
    ("a reduction of no dimension", custom(lambda m, x, y: x.mean(dim=4)), "requires growing dimensions below 2"),
    ("a text as an operand", custom(lambda m, x, y: (x + "1").mean()), "requires a tensor or a number, got str"),
    ("a rate beyond 1", custom(lambda m, x, y: nn.dropout(x, 1.5).mean()), "requires a rate in [0, 1), got 1.5"),
    ("labels of another shape", custom(lambda m, x, y: nn.cross_entropy(x, y[0:2])), "requires labels of sizes 4"),
    ("an image of rank 2", custom(lambda m, x, y: nn.max_pool2d(x, 2).mean()), "requires an image [batch, channels,"),
    ("a window beyond the image", custom(lambda m, x, y: nn.avg_pool2d(x.reshape(4, 1, 2, 3), 3).mean()),
     "requires windows that fit the padded height 2, got windows of 3"),
    ("a padding beyond half the kernel", custom(lambda m, x, y: nn.max_pool2d(x.reshape(4, 1, 2, 3), 2, padding=2)),
     "requires a padding of at most half the kernel 2, got 2"),
    ("channels that the filters lack", custom(lambda m, x, y: nn.conv2d(x.reshape(4, 2, 3, 1), m.filters)),
     "requires a weight of sizes 2x2x1x1, got 2x3x1x1"),
    ("a kernel that is no size", custom(lambda m, x, y: nn.Conv2d(3, 2, "3")), "a pair of integers as kernel, got '3'"),
    ("groups that do not divide", custom(lambda m, x, y: nn.Conv2d(3, 2, 1, groups=2)),
     "requires groups that divide 3 and 2 channels, got 2"),
    ("a group norm of such groups", custom(lambda m, x, y: nn.group_norm(x, 4, m.six, m.six).mean()),
     "requires groups that divide 6 channels, got 4"),
    ("a loss that is no scalar", custom(lambda m, x, y: x), "loss: requires a scalar tensor of float32"),
    ("no loss", custom(lambda m, x, y: None), "loss: requires a scalar tensor"),
    ("a value of a finished model", after_the_end, "got a value of one that is finished"),
    ("a value of another model", of_another_model, "requires values of one model"),
    ("heads that do not divide", lambda: nn.Attention(16, 3), "requires heads that divide 16 features, got 3"),
    ("a module outside of a model", lambda: nn.Linear(2, 2)(None), "requires a model under construction"),
    ("a module that is no attribute", custom(lambda m, x, y: nn.MLP(6)(x).mean()), "that are attributes of the model"),
    # Compilation.
    ("no module", lambda: cleave.compile(3, batch=4), "requires a cleave.nn.Module, got int"),
    ("a model without a loss", lambda: cleave.compile(nn.Module(), batch=4), "requires that Module defines loss"),
    ("an input without a shape", simple(seq=0), 'requires a shape for input "input_ids"'),
    ("a mesh axis of size 0", simple(mesh=cleave.Mesh(data=0)), 'mesh axis "data" requires a size from 1 to 4096'),
    ("a mesh axis of an unknown kind", simple(mesh=cleave.Mesh(("x", "expert", 2))), "requires kind data or model"),
    ("a mesh that is a text", simple(mesh="data=2"), "requires a cleave.Mesh, got 'data=2'"),
    ("a pin along an unknown axis", simple(pins={"head.weight": {"expert": cleave.S(0)}}), "expert"),
    ("a pin that cannot be", simple(mesh=cleave.Mesh(model=2), pins={"head.weight": {"model": cleave.S(7)}}), "S(7)"),
    ("an unknown distribution", lambda: cleave.compile(Cauchy(), batch=4, seq=8),
     'requires a distribution out of normal, uniform, constant, got "cauchy"'),
    ("a pin of no value", simple(pins={"tail.weight": {"data": cleave.S(0)}}), "tail.weight"),
    ("a negative dimension", lambda: cleave.S(-1), "S: requires a dimension of at least 0, got -1"),
    ("an unknown combiner", lambda: cleave.P("mean"), "P: requires sum, max or min, got 'mean'"),
    ("a shard without axes", custom(lambda m, x, y: cleave.shard(x).mean()), "at least one axis"),
    ("an optimizer that is none", simple(optimizer="adam"), "requires cleave.AdamW(...), cleave.SGD(...) or what"),
    ("an optimizer without states in a dictionary", optimized(lambda p, g, state, step, lr: p), "requires a new parameter and"),
    ("an optimizer that forgets a state", optimized(lambda p, g, state, step, lr: (p, {})), "requires new states m, got none"),
    ("an optimizer of another shape", optimized(lambda p, g, state, step, lr: (lr, {"m": g})),
     "requires the parameter's type for the new parameter, 64x16 of float32, got "),
    ("an optimizer that gives a number", optimized(lambda p, g, state, step, lr: (3, {"m": g})), "requires a tensor of"),
    ("an unknown option of an optimizer", optimized(lambda p, g, state, step, lr: (p, {"m": g}), beta=1),
     "requires options out of none, got beta"),
    ("a weight decay that nobody takes", optimized(lambda p, g, state, step, lr: (p, {"m": g}), weight_decay=0.1),
     "requires an argument weight_decay"),
    ("a group's weight decay that nobody takes", simple(optimizer=cleave.optimizer()(descent)(), groups=[cleave.Group(
        "head.*", weight_decay=0.1)]), 'requires an argument weight_decay of descent for group "head.*"'),
    ("states that have no names", lambda: cleave.optimizer(states=[3]), "requires names as states, got 3"),
    ("an optimizer without parentheses", lambda: cleave.optimizer(lambda p, g, state, step, lr: (p, {})), "got a function"),
    ("half of an integer", custom(lambda m, x, y: nn.to_float(y >= 0.5).mean()), "requires a whole number beside int32, got 0.5"),
    ("metrics in a list", custom(lambda m, x, y: ((x @ m.w).mean(), [x])), "a dictionary of metrics beside the loss"),
    ("a metric that is no scalar", custom(lambda m, x, y: ((x @ m.w).mean(), {"size": x})), 'metric "size": requires a'),
    ("a metric with a dot", custom(lambda m, x, y: ((x @ m.w).mean(), {"a.b": x.mean()})), "letters, digits, _ and /"),
    ("metrics that slices can't give", lambda: cleave.compile(
        Custom(lambda m, x, y: ((x @ m.w).mean(), {"root": nn.sqrt(x.mean())})), batch=4, microbatches=2,
        inputs={"x": cleave.Input(4, 6, dtype="float32"), "y": cleave.Input(4)}), "can't run on microbatches"),
    ("a choice by numbers", custom(lambda m, x, y: nn.where(x, x, x).mean()), "requires a condition of bools"),
    ("a comparison of two dtypes", custom(lambda m, x, y: nn.to_float(x[:, 0] > y).mean()), "operands of one type"),
    ("a negative learning rate", simple(optimizer=cleave.SGD(-1.0)), "requires"),
    ("microbatches that do not divide", simple(microbatches=3), "the number of microbatches divides, got 4 for 3"),
    ("an unknown strategy", simple(strategy="luck"), "strategy: requires rules or none, got luck"),
    ("an unknown cluster", simple(cluster="b100"), 'got "b100"'),
    ("a glob that is malformed", simple(freeze="[a"), "[a"),
    ("a glob that freezes nothing", simple(freeze="tail.*"), 'groups that match a parameter, got "tail.*"'),
    ("nothing that learns", simple(freeze="*"), "requires at least one trainable parameter, got none"),
    # Batches.
    ("a missing input", step(lambda batch: batch.pop("labels")), 'requires tensor "labels"'),
    ("an unknown input", step(set_item("labls", X)), 'got "labls"'),
    ("a batch of another size", step(set_item("labels", X[:3])), '"labels" of shape 4x8, got 3x8'),
    ("floats for integers", step(set_item("labels", X.astype(np.float32))), 'integers in "labels", got f32'),
    ("an unsigned dtype", step(set_item("labels", X.astype(np.uint16))), "requires float32, float64, int32, int64"),
    ("a list for an array", step(set_item("labels", [1, 2])), "requires an array of a CPU"),
    ("a token beyond the table", step(set_item("input_ids", X + 64)), 'at "input_ids" row 0 position 0'),
    ("a batch that is no dictionary", other_plan(lambda trainer: trainer.step(X)), "requires a dictionary of arrays"),
    # Trainers.
    ("a trainer without a plan", lambda: cleave.Trainer("a.plan"), "requires a cleave.Plan, got str"),
    ("a step after the end", closed(lambda trainer: trainer.step({"input_ids": X, "labels": X})), "that was closed"),
    ("a read after the end", closed(lambda trainer: trainer.read("head.weight")), "that was closed"),
    ("two threads at once", while_another_thread_steps, "requires one call at a time"),
    ("an unknown parameter", other_plan(lambda trainer: trainer.read("tail.weight")), 'got "tail.weight"'),
    ("a parameter of another shape", other_plan(lambda trainer: trainer.write("head.weight", X)), "head.weight"),
    ("no data", other_plan(lambda trainer: trainer.fit(1, progress=False)), "fit: requires data"),
    ("an unknown entry", other_plan(lambda trainer: trainer.run("predict", {})), 'requires an entry "predict"'),
    ("a checkpoint that is not there", lambda: cleave.Trainer(cleave.compile(Bytes(), batch=4, seq=8),
                                                              resume="/nowhere"), "/nowhere"),
    # Data.
    ("data that are no iterable", lambda: cleave.Trainer(cleave.compile(Bytes(), batch=4, seq=8), data=3),
     "requires an iterable of batches as data, got int"),
    ("a negative prefetch", lambda: cleave.Trainer(cleave.compile(Bytes(), batch=4, seq=8), data=[], prefetch=-1),
     "requires a number of batches as prefetch, got -1"),
    ("data without batches", fitted([]), "data: requires at least one batch, got none"),
    ("an iterator that ends", fitted(iter([next(batches_of_bytes())])), "an iterator that ended after 1 batches"),
    ("a batch of the wrong type from the data", fitted([X]), "step: requires a dictionary of arrays"),
    ("a batch of another size from the data", fitted([{"input_ids": X[:3], "labels": X[:3]}]), "of shape 4x8, got 3x8"),
    ("a callback that is none", fitted([X], callbacks=[3]), "fit: requires callables as callbacks, got 3"),
    ("a file for a folder of events", spoilt_file("events", b"", lambda path: fitted(
        batches_of_bytes(), tensorboard=path)()), 'events": requires a folder, got a file'),
    ("evaluation on an iterator", fitted([X], eval_data=iter([X])), "requires eval_data that begin anew each time"),
    ("evaluation on nothing", fitted([X], eval_every=2), "requires eval_data to evaluate every 2 steps, got none"),
    ("a mixture without sources", lambda: cleave.Mixture({}), "requires at least one source, got none"),
    ("a mixture of weight 0", lambda: cleave.Mixture({"a": ([X], 0.0)}), "requires finite weights above 0, got 0"),
    ("a mixture without weights", lambda: cleave.Mixture({"a": [X]}), 'requires (batches, weight) for "a"'),
    ("a mixture of numbers", lambda: cleave.Mixture({"a": (3, 1.0)}), 'an iterable of batches for "a", got int'),
    ("a weight that is a text", lambda: cleave.Mixture({"a": ([X], "1")}), "requires a number as weight of \"a\""),
    ("a negative seed of a mixture", lambda: cleave.Mixture({"a": ([X], 1)}, seed=-1), "a seed from 0 to 2^64-1, got -1"),
    ("a mixture of an empty source", lambda: next(cleave.Mixture({"a": ([], 1)})), "requires at least one batch"),
    ("a mixture whose state has another seed", lambda: cleave.Mixture({"a": ([X], 1)}).load_state_dict(
        cleave.Mixture({"a": ([X], 1)}, seed=2).state_dict()), "requires the seed that its state has, 2, got 0"),
    ("a state that is no mixture's", lambda: cleave.Mixture({"a": ([X], 1)}).load_state_dict({"at": 3}),
     "requires what a Mixture's state_dict gave"),
    # Looking.
    ("a drawing along another axis", lambda: cleave.draw((4, 4), cleave.Mesh(data=2), model=cleave.S(0)),
     "draw: requires an axis of the mesh (data), got 'model'"),
    ("a drawing without a mesh", lambda: cleave.draw((4, 4), 4), "draw: requires a cleave.Mesh, got 4"),
    ("a drawing of a text", lambda: cleave.draw("4x4", cleave.Mesh(data=2)), "draw: requires a tensor, a parameter or"),
    ("a drawing split too far", lambda: cleave.draw((4,), cleave.Mesh(data=2), data=cleave.S(1)),
     "requires split dimension below 1 along data, got 1"),
    ("a drawing of an unknown parameter", lambda: cleave.compile(Bytes(), batch=4, seq=8).draw("tail.weight"),
     'requires a parameter of the plan, or a state of its optimizer, got "tail.weight"'),
    ("a page into a folder that is not there", lambda: cleave.compile(Bytes(), batch=4, seq=8).visualize().save(
        "/nowhere/plan.html"), 'cannot write "/nowhere/plan.html"'),
    ("a report before the first step", other_plan(lambda trainer: trainer.report("/tmp/report.html")),
     "requires a run of at least one step, got none"),
    ("a report into a folder that is not there", fitted(
        batches_of_bytes(), report="/nowhere/report.html"), 'cannot write "/nowhere/report.html"'),
    # Files.
    ("a folder without a model", lambda: cleave.load("/nowhere"), "/nowhere/config.json"),
    ("a config that is damaged", spoilt_file("config.json", b"{", lambda path: cleave.load(os.path.dirname(path))),
     "requires a JSON file"),
    ("a family that is unknown", spoilt_file("config.json", b'{"model_type": "gpt9"}', lambda path: cleave.load(
        os.path.dirname(path))), 'got \'gpt9\''),
    ("a field out of range", loaded(n_layer=0), 'field "n_layer" requires an integer from 1'),
    ("heads that do not divide the width", loaded(n_head=3), 'field "n_embd" requires a multiple of n_head = 3'),
    ("a plan that is damaged", spoilt_file("a.plan", b"\x0a\x03abc", cleave.load_plan), "a.plan"),
    ("a plan that is not there", lambda: cleave.load_plan("/nowhere.plan"), "/nowhere.plan"),
    ("weights that are damaged", spoilt_file("w.safetensors", b"\xff" * 64, lambda path: cleave.Trainer(
        cleave.compile(Bytes(), batch=4, seq=8), weights=path)), "w.safetensors"),
    ("weights of another model", lambda: cleave.Trainer(cleave.compile(Bytes(), batch=4, seq=8), weights=FIXTURE),
     "requires"),
    ("a field that a family refuses", lambda: cleave.models.Mistral(sliding_window=0),
     'field "sliding_window" requires an integer from 1'),
    ("windows of layers that are not there", lambda: cleave.models.Qwen3(num_hidden_layers=2, layer_types=["full"]),
     'field "layer_types" requires a list of 2 of full_attention, sliding_attention'),
    # Adapters.
    ("an adapter of no module", lambda: cleave.lora(Bytes(), "tail"),
     'requires targets that name modules of the model, got "tail"'),
    ("an adapter of no linear map", lambda: cleave.lora(Bytes(), ["table"]),
     'requires linear maps as targets, got "table" of type Embedding'),
    ("an adapter of a part of a module", lambda: cleave.lora(loaded()(), "q"), "requires the module as files have it"),
    ("an adapter of dropout 1.5", lambda: cleave.lora(Bytes(), "head", dropout=1.5), "requires dropout from 0 to 0.999, got 1.5"),
    ("an adapter of no alpha", lambda: cleave.lora(Bytes(), "head", alpha=float("nan")), "requires alpha from 0 to 1e+09, got nan"),
    ("an adapter of rank 0", lambda: cleave.lora(Bytes(), "head", rank=0), "requires a rank of at least 1 and at most 16777216, got 0"),
    ("two adapters", lambda: cleave.lora(cleave.lora(Bytes(), "head"), "head"), "requires a model without an adapter"),
    ("an adapter of no model", lambda: cleave.lora("gpt2", "c_attn"), "lora: requires a cleave.nn.Module, got str"),
    ("a folder without an adapter", lambda: cleave.load_adapter(Bytes(), "/nowhere"), "/nowhere/adapter_config.json"),
    ("an adapter of another kind", spoilt_file(
        "adapter_config.json", b'{"peft_type": "IA3"}', lambda path: cleave.load_adapter(
            Bytes(), os.path.dirname(path))), 'field "peft_type" requires "LORA"'),
    ("an adapter without weights", spoilt_file(
        "adapter_config.json", b'{"target_modules": ["head"]}', lambda path: cleave.Trainer(cleave.compile(
            cleave.load_adapter(Bytes(), os.path.dirname(path)), batch=4, seq=8))), "adapter_model.safetensors"),
    ("an adapter that is not there to be saved", other_plan(lambda trainer: trainer.save_adapter("/nowhere")),
     "requires a model that cleave.lora has adapted"),
    # Text.
    ("text without a tokenizer", other_plan(lambda trainer: trainer.generate("in the")), "requires a tokenizer"),
    ("a stop of text without a tokenizer", other_plan(lambda trainer: trainer.generate([1], stop="e")),
     "requires a tokenizer for a stop of text"),
    ("a stop that is neither", other_plan(lambda trainer: trainer.generate([1], stop=[0.5])), "got 0.5"),
    ("a prompt of floats", other_plan(lambda trainer: trainer.generate([0.5])), "requires a text or integers [tokens]"),
    ("an empty prompt", other_plan(lambda trainer: trainer.generate([])), "requires a prompt of 1 to 8 tokens"),
    ("a prompt that is too long", other_plan(lambda trainer: trainer.generate(range(9))), "got 9"),
    ("a prompt beyond the vocabulary", other_plan(lambda trainer: trainer.generate([64])),
     "requires tokens from 0 to 63, got 64 at position 0"),
    ("a negative temperature", other_plan(lambda trainer: trainer.generate([1], temperature=-1.0)),
     "requires a temperature of at least 0, got -1"),
    ("no tokens to choose from", other_plan(lambda trainer: trainer.generate([1], top_p=0.0)),
     "requires top-p above 0 and up to 1, got 0"),
    ("a negative number of tokens", other_plan(lambda trainer: trainer.generate([1], -1)), "requires 0 or more new"),
    ("half a token", other_plan(lambda trainer: trainer.generate([1], 0.5)),
     "requires a whole number as max_new_tokens, got 0.5"),
    ("a temperature that is none", other_plan(lambda trainer: trainer.generate([1], temperature="hot")),
     "requires a number as temperature, got 'hot'"),
    ("a top_p that is none", other_plan(lambda trainer: trainer.generate([1], top_p=None)), "as top_p, got None"),
    ("a stop that ends nothing", other_plan(lambda trainer: trainer.generate([1], stop=0.5)),
     "requires tokens and texts in stop, got 0.5"),
    ("a negative seed", other_plan(lambda trainer: trainer.generate([1], seed=-1)), "from 0 on as seed, got -1"),
    ("text of a model that reads both ways", lambda: cleave.load(BERT).generate([1, 2]),
     "requires a causal model, or one with a decoder, got Bert"),
    ("a vocabulary beyond the model's", other_plan(lambda trainer: trainer.generate(
        "in", tokenizer=cleave.BytePairTokenizer())), "a vocabulary of at most the model's 64 tokens, got 256"),
    ("a vocabulary below the bytes", lambda: cleave.BytePairTokenizer.train("a", 255), "requires from 256 to"),
    ("a token that is none", lambda: cleave.BytePairTokenizer().decode([256]), "tokens from 0 to 255, got 256"),
    ("a vocabulary that is damaged", spoilt_file("vocab.json", b"[]", cleave.load_tokenizer), "vocab.json"),
    ("a folder without a tokenizer", lambda: cleave.load_tokenizer(FIXTURE), "requires tokenizer.json or vocab.json"),
    ("a tokenizer that is damaged", spoilt_file("tokenizer.json", b"{", cleave.load_tokenizer), "tokenizer"),
    ("a prediction of floats", lambda: cleave.load(FIXTURE).predict(input_ids=np.zeros((1, 4))), "integers"),
]


class ErrorsTest(unittest.TestCase):

    def test_each_names_the_users_file_and_line_and_the_rule(self):
        lines = inspect.getsource(inspect.getmodule(ErrorsTest)).count("\n")
        for what, call, rule in CASES:
            with self.subTest(what):
                with self.assertRaises(cleave.Error) as caught:
                    call()
                self.assertIn(rule, str(caught.exception))
                self.assertEqual(os.path.basename(caught.exception.file), "errors_test.py")
                self.assertTrue(0 < caught.exception.line <= lines)
                self.assertTrue(str(caught.exception).startswith(f"{caught.exception.file}:{caught.exception.line}: "))

    def test_the_line_is_that_of_the_op(self):
        def wrong(model, x, y):
            self.line = inspect.currentframe().f_lineno + 1
            return model.linear(x).mean()

        with self.assertRaises(cleave.Error) as caught:
            custom(wrong)()
        self.assertEqual(caught.exception.line, self.line)

    def test_a_model_compiles_after_an_error(self):
        with self.assertRaises(cleave.Error):
            custom(lambda m, x, y: m.linear(x).mean())()
        custom(lambda m, x, y: (x @ m.w).mean())()


if __name__ == "__main__":
    unittest.main()
