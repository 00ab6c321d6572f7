"""Plans, weights, data and checkpoints that were spoilt, and what is said of each."""

import json
import os
import shutil
import struct

from bad_input_scene import FIXTURE, T5, DATA, WEIGHTS, MESH, SIZES
from driver import cleave
from plan_bytes import change, first, renewed


def plan_cases(s):
    with open(s.plan, "rb") as file:
        plan = file.read()
    shown = lambda content: ["print-plan", s.file("bad.plan", content)]
    changed = lambda path, edit: s.train(plan=s.file("bad.plan", renewed(change(plan, path, first(edit)))))
    newer = renewed(change(plan, (1,), lambda _: 99))
    return [
        ("no such plan", s.train(plan="nowhere.plan"), 1, 'plan: cannot open "nowhere.plan": No such file'),
        ("a folder as a plan", ["explain", s.out], 1, "requires a regular file, got a folder"),
        ("an endless plan", ["print-plan", "/dev/zero"], 1, "requires a regular file, got a device or pipe"),
        ("an empty plan", shown(""), 1, "requires a plan, got an empty file"),
        ("random bytes as a plan", shown(bytes(range(255, 0, -1)) * 4), 1,
         "requires a plan, got 1020 bytes that are none"),
        ("a plan that was cut", shown(plan[:-1]), 1, "bytes that are none"),
        ("a plan with a flipped bit", shown(plan.replace(b"wte", b"wtf", 1)), 1, "the plan was changed or damaged"),
        ("a plan of a later version", shown(newer), 1, "requires a plan of format version 2 or older, got version 99"),
        ("weights as a plan", ["explain", WEIGHTS], 1, "bytes that are none"),
        ("an unknown kernel", changed((7, 4, 3, 1), lambda _: b"matmull"), 1,
         "requires a known kernel, got 'matmull'; near: matmul"),
        ("a register outside its arena", changed((7, 4, 1, 1), lambda _: 1 << 40), 1,
         "requires to lie inside the arena of"),
        ("an arena beyond all memory", changed((6, 2), lambda _: 1 << 60), 1,
         "requires arenas that fit the available memory"),
        ("an axis of another size", changed((4, 3), lambda _: 3), 1, "rank 4 requires to be in one class, got none"),
        ("a task that is run a billion times", changed((7, 4, 3, 6), lambda _: 10**9), 1,
         "got a repeat count of 1000000000"),
        ("a batch of another size", changed((8, 1), lambda _: 5), 1,
         "requires leading dimensions that hold the batch of 5, got 4x16xi32"),
    ]


def safetensors(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def opened(path):
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        return {name: entry for name, entry in header.items() if name != "__metadata__"}, file.read()


def weight_cases(s):
    with open(WEIGHTS, "rb") as file:
        whole = file.read()
    header, data = opened(WEIGHTS)
    name = "transformer.h.0.mlp.c_proj.bias"
    entry = lambda **fields: safetensors({"a": dict({"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}, **fields)},
                                         bytes(8))
    other = lambda **fields: safetensors(dict(header, **{name: dict(header[name], **fields)}), data)
    renamed = {("transformer.b" if key == name else key): value for key, value in header.items()}
    start = lambda content: s.train("--init", s.file("w.safetensors", content))
    index = lambda content: s.train("--init", s.file("w.safetensors.index.json", content))
    return [
        ("no such weights", s.train("--init", "nowhere"), 1, 'cannot open "nowhere": No such file'),
        ("a folder without weights", s.train("--init", s.out), 1, "model.safetensors\": No such file"),
        ("an empty file", start(b""), 1, "requires at least 8 bytes, got 0"),
        ("weights that were cut", start(whole[:-1]), 1, "within the 433151 bytes of data"),
        ("weights with more behind", start(whole + b"x"), 1,
         "requires tensors that cover the 433153 bytes of data, got 433152"),
        ("a header beyond all memory", start(safetensors({}, length=2**63)), 1,
         "requires a header of at most 104857600 bytes"),
        ("a header longer than the file", start(safetensors({}, length=100)), 1,
         "requires a header of at most 2 bytes (the file ends there), got 100"),
        ("a deep header", start(safetensors(b"[" * 100000)), 1, "requires at most 3 levels of nesting"),
        ("a shape that overflows", start(entry(shape=[2**62, 4])), 1, 'tensor "a": requires a size below 2^63 bytes'),
        ("a negative shape", start(entry(shape=[-1])), 1, 'tensor "a": requires shape to be integers from 0'),
        ("offsets in reverse", start(entry(data_offsets=[8, 0])), 1,
         "requires data_offsets [begin, end] within the 8 bytes"),
        ("an unknown dtype", start(entry(dtype="Q8")), 1, 'tensor "a": requires a known dtype, got "Q8"'),
        ("a dtype of integers", start(other(dtype="I32")), 1,
         f'tensor "{name}": requires dtype F32, F64, F16 or BF16, got I32'),
        ("a parameter of another shape", start(other(shape=[8, 8])), 1,
         f'tensor "{name}": requires shape [64], got [8, 8]'),
        ("a name that is missing", start(safetensors(renamed, data)), 1,
         f'requires tensors "{name}", which are missing, got unexpected ones: "transformer.b"'),
        ("another family's weights", s.train("--init", T5 + "/model.safetensors"), 1, "got unexpected ones"),
        ("an index that leaves its folder", index({"weight_map": {"a": "../w.safetensors"}}), 1,
         "requires a file in the index's own folder"),
        ("an index of nothing", index({}), 1, 'requires an object "weight_map", got none'),
    ]


def data_cases(s):
    header, data = opened(DATA)
    ids = lambda *values: struct.pack(f"<{len(values)}H", *values)
    tokens = lambda content, *flags: s.train(*flags, data=s.file("t.bin", content))
    examples = lambda header, data=data: s.train(data=s.file("d.safetensors", safetensors(header, data)))
    wrong = data[:20] + struct.pack("<i", 96) + data[24:]
    alone = {"input_ids": header["input_ids"]}
    labels = lambda **fields: examples(dict(header, labels=dict(header["labels"], **fields)))
    return [
        ("data of no kind", s.train(data="data.txt"), 1, "requires data that end in .bin, .safetensors or .json"),
        ("no such data", s.train(data="nowhere.bin"), 1, 'cannot open "nowhere.bin": No such file'),
        ("too few tokens for a row", tokens(ids(*[1] * 16)), 1,
         "requires at least 17 tokens for one row of 16, got 16"),
        ("half a token", tokens(ids(*[1] * 40) + b"x"), 1,
         "requires a multiple of 2 bytes a token, got 81 bytes (token 40 is cut off)"),
        ("a token outside the vocabulary", tokens(ids(*[1] * 20, 96, *[1] * 44)), 1,
         "at token 20: requires a value from 0 to 95, got 96"),
        ("tokens of another size", tokens(ids(*[1] * 65), "--token-bytes", 4), 1,
         "requires a multiple of 4 bytes a token"),
        ("an example outside the vocabulary", examples(header, wrong), 1,
         'at "input_ids" row 0 position 5: requires a value from 0 to 95, got 96'),
        ("no labels", examples(alone, data[: len(data) // 2]), 1, 'requires tensor "labels", got input_ids'),
        ("labels that are floats", labels(dtype="F32"), 1, 'for "labels", got F32'),
        ("fewer labels than inputs", labels(shape=[40, 32]), 1,
         'requires as many examples in each tensor, got 80 in "input_ids" and 40 in "labels"'),
        ("examples of another length", s.train(data=T5 + "/data.safetensors"), 1, "values an example in"),
        ("data that were cut", s.train(data=s.file("d.safetensors", safetensors(header, data[:-5]))), 1,
         "within the 10235 bytes of data"),
        ("no data to evaluate on", s.train("--eval-data", "nowhere.bin"), 1, 'cannot open "nowhere.bin"'),
    ]


def checkpoint_cases(s):
    [step] = [name for name in os.listdir(s.checkpoints) if name.startswith("step-")]

    def spoilt(name, change):
        s.count += 1
        folder = s.path(f"{s.count}-checkpoints")
        shutil.copytree(s.checkpoints, folder)
        change(os.path.join(folder, name.format(step=step)))
        return s.train("--resume", folder, steps=2)

    def manifest(**fields):
        def edit(path):
            with open(path) as text:
                content = dict(json.load(text), **fields)
            with open(path, "w") as out:
                json.dump(content, out)

        return spoilt("{step}/manifest.json", edit)

    def flip(path):
        with open(path, "r+b") as file:
            file.seek(-1, os.SEEK_END)
            file.write(b"\x55")

    sgd = s.path("sgd.plan")
    cleave("compile", FIXTURE, "-o", sgd, *MESH, *SIZES, "--optimizer", "sgd")
    cut = lambda path: os.truncate(path, os.path.getsize(path) // 2)
    elsewhere = lambda path: open(path, "w").write("../../etc")
    return [
        ("no such checkpoint", s.train("--resume", "nowhere"), 1,
         '"nowhere": requires a folder of checkpoints, got nothing'),
        ("a file as a checkpoint", s.train("--resume", DATA), 1, "requires a folder of checkpoints, got a file"),
        ("a checkpoint without a manifest", spoilt("{step}/manifest.json", os.remove), 1,
         "manifest.json\": No such file"),
        ("a manifest that was cut", spoilt("{step}/manifest.json", cut), 1, "manifest.json\": requires JSON"),
        ("weights that were cut", spoilt("{step}/model.safetensors", cut), 1, "bytes as its manifest says"),
        ("a flipped bit in the state", spoilt("{step}/state.safetensors", flip), 1, "as its manifest says"),
        ("a state that is missing", spoilt("{step}/state.safetensors", os.remove), 1,
         "state.safetensors\": No such file"),
        ("a checkpoint that leaves its folder", spoilt("latest", elsewhere), 1,
         'requires the name of a checkpoint, got "../../etc"'),
        ("a manifest of another format", manifest(format=99), 1, "requires format 1, got 99"),
        ("a step before the first", manifest(step=-1), 1, 'requires "step" to be an integer from 0'),
        ("an order of its own", manifest(order="random"), 1, 'requires order shuffled or sequential, got "random"'),
        ("another seed", s.train("--resume", s.checkpoints, "--seed", 3), 1,
         "--seed: requires the resumed run's 0, got 3"),
        ("another order", s.train("--resume", s.checkpoints, "--order", "sequential"), 1,
         "--order: requires the resumed run's shuffled, got sequential"),
        ("another optimizer", s.train("--resume", s.checkpoints, plan=sgd), 1, "requires states of the plan alone"),
    ]
