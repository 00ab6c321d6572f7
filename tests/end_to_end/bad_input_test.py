"""What a careless user and a hostile file get from every command: one message that names the thing and the rule, the
exit code that fits, nothing on stdout, and no file left behind."""

import json
import os
import shutil
import struct
import subprocess

from driver import Checks, cleave, command, scratch
from plan_bytes import change, first, renewed

FIXTURE = "tests/end_to_end/fixtures/kit_gpt2"
T5 = "tests/end_to_end/fixtures/t5_plain"
DATA = FIXTURE + "/data.safetensors"
TOKENS = FIXTURE + "/tokens.bin"
WEIGHTS = FIXTURE + "/model.safetensors"
MESH = ["--mesh", "data=2,model=2"]
SIZES = ["--batch", 4, "--seq", 16]
CLUSTER = """name: "x"
device { peaks { dtype: "f32" flops: 1e9 } memory_bytes: 1 memory_bandwidth: 5e9 launch_overhead: 0 }
"""
FC = "transformer.h.0.mlp.c_fc.weight"
MLIR = """func.func @loss(%w: tensor<11x11xf32> {cleave.parameter = "w", cleave.init = #cleave.init<"normal", mean = 0.0, deviation = 0.3, zero_row = -1>},
  %ids: tensor<4x6xi32> {cleave.input = "input_ids"}, %labels: tensor<4x6xi32> {cleave.input = "labels"})
    -> (tensor<f32> {cleave.output = "loss_sum"}, tensor<f32> {cleave.output = "tokens"}) attributes {cleave.entry = "loss"} {
  %x = cleave.embedding %w, %ids : (tensor<11x11xf32>, tensor<4x6xi32>) -> tensor<4x6x11xf32>
  %sum, %count, %lse = cleave.cross_entropy %x, %labels : (tensor<4x6x11xf32>, tensor<4x6xi32>) -> (tensor<f32>, tensor<f32>, tensor<4x6xf32>)
  return %sum, %count : tensor<f32>, tensor<f32>
}
"""


class Scene:
    """The good files that the cases spoil, and a folder to put the bad ones into."""

    def __init__(self):
        self.work, self.count = scratch(), 0
        self.out = self.path("out")  # where outputs of failing commands must not appear
        os.mkdir(self.out)
        self.plan = self.path("good.plan")
        cleave("compile", FIXTURE, "-o", self.plan, *MESH, *SIZES)
        config = {"model_type": "gpt2", "vocab_size": 256, "n_positions": 8, "n_embd": 8, "n_layer": 1, "n_head": 1}
        self.letters, self.letter_weights = self.path("letters.plan"), self.path("letters.safetensors")
        cleave("compile", self.file("letters.json", config), "-o", self.letters, "--mesh", "model=1", "--batch", 1, "--seq", 8)
        text = self.file("letters.bin", bytes(200))
        cleave("train", self.letters, "--data", text, "--steps", 0, "--save", self.letter_weights)
        self.checkpoints = self.path("checkpoints")
        cleave("train", self.plan, "--data", DATA, "--steps", 1, "--threads", 1, "--checkpoint", self.checkpoints)

    def path(self, name):
        return os.path.join(self.work, name)

    def file(self, name, content):
        """A file of its own for each call; what is neither text nor bytes is written as JSON."""
        self.count += 1
        path = self.path(f"{self.count}-{name}")
        if not isinstance(content, (str, bytes)):
            content = json.dumps(content)
        with open(path, "wb") as out:
            out.write(content.encode() if isinstance(content, str) else content)
        return path

    # The commands, with all that they need but for what a case gives.

    def compile(self, *flags, model=FIXTURE, mesh="data=2,model=2", sizes=SIZES):
        return ["compile", model, "-o", self.out + "/plan", "--mesh", mesh, *sizes, *flags]

    def config(self, base=FIXTURE, **fields):
        with open(base + "/config.json") as text:
            return self.compile(model=self.file("config.json", dict(json.load(text), **fields)))

    def mlir(self, old="", new="", text=MLIR):
        return self.compile(model=self.file("model.mlir", text.replace(old, new) if old else text), sizes=[])

    def train(self, *flags, plan=None, data=DATA, steps=1):
        return ["train", plan or self.plan, "--data", data, "--steps", steps, *flags]

    def sample(self, *flags, plan=None, weights=None):
        return ["sample", plan or self.letters, "--weights", weights or self.letter_weights, *flags]

    def tokenize(self, *flags, text="to be or not to be"):
        return ["tokenize", self.file("text.txt", text), "-o", self.out + "/tokens", *flags]


def flag_cases(s):
    compile, train = s.compile, s.train
    return [
        ("no command", [""], 2, "requires a command"),
        ("a misspelt command", ["trian"], 2, "did you mean train?"),
        ("no model", ["compile"], 2, "requires MODEL, got none"),
        ("no output", ["compile", FIXTURE, *MESH, *SIZES], 2, "requires -o PLAN, got none"),
        ("no mesh", ["compile", FIXTURE, "-o", s.out + "/plan", *SIZES], 2, "requires --mesh for a config"),
        ("no sizes", compile(sizes=[]), 2, "requires --batch for a config, got none"),
        ("a misspelt flag", compile("--optimiser", "adamw"), 2, "did you mean --optimizer?"),
        ("a flag given twice", compile("--lr", 1, "--lr", 2), 2, "--lr: requires to be given once, got it twice"),
        ("a flag without its value", compile("--lr"), 2, "--lr: requires a value (X), got none"),
        ("a second model", compile("other"), 2, 'requires MODEL alone, got also "other"'),
        ("a rate that is no number", compile("--lr", "nan"), 2, '--lr: requires a number from 0 to 1e+38, got "nan"'),
        ("a negative rate", compile("--lr", -1), 2, '--lr: requires a number from 0'),
        ("a decay of one", compile("--beta1", 1), 2, '--beta1: requires a number from 0 to below 1, got "1"'),
        ("an unknown optimizer", compile("--optimizer", "adam"), 2, 'requires adamw or sgd, got "adam"'),
        ("momentum of AdamW", compile("--momentum", 0.9), 2, "--momentum: requires --optimizer sgd, got adamw"),
        ("a cosine without an end", compile("--schedule", "cosine"), 2, 'requires --total-steps with "cosine"'),
        ("microbatches that do not divide", compile("--microbatches", 3), 2, "requires a number that divides --batch 4, got 3"),
        ("steps with a plus", train(steps="+1"), 2, '--steps: requires an integer from 0 to 9e+18, got "+1"'),
        ("steps with a leading zero", train(steps="01"), 2, '--steps: requires an integer from 0 to 9e+18, got "01"'),
        ("steps with an exponent", train(steps="1e0"), 2, '--steps: requires an integer from 0 to 9e+18, got "1e0"'),
        ("a rate with a plus", compile("--lr", "+1e-3"), 2, '--lr: requires a number from 0 to 1e+38, got "+1e-3"'),
        ("a rate with a leading zero", compile("--lr", "00.1"), 2, '--lr: requires a number from 0'),
        ("a rate with a unit", compile("--lr", "1e-3x"), 2, '--lr: requires a number from 0 to 1e+38, got "1e-3x"'),
        ("memory with a leading zero", compile("--memory", "01GB"), 2, "--memory requires bytes, such as 2GB"),
        ("too many digits", compile("--microbatches", 10**20), 2, "--microbatches: requires an integer from 1 to 9e+18"),
        ("sizes of a model in MLIR", ["compile", "m.mlir", "-o", s.out + "/plan", *MESH, *SIZES], 2, "--batch: requires a config"),
        ("no threads", train("--threads", 0), 2, '--threads: requires an integer from 1 to 1024, got "0"'),
        ("a thousand cores too many", train("--threads", 10000), 2, "--threads: requires an integer from 1 to 1024"),
        ("no patience", train("--deadline", 0), 2, '--deadline: requires a number from 0.001 to 1e+09, got "0"'),
        ("steps that are no number", train(steps="many"), 2, '--steps: requires an integer from 0'),
        ("tokens of three bytes", train("--token-bytes", 3), 2, '--token-bytes: requires 2 or 4, got "3"'),
        ("checkpoints without a place", train("--checkpoint-every", 1), 2, "--checkpoint-every: requires --checkpoint too"),
        ("two starts", train("--init", WEIGHTS, "--resume", s.checkpoints), 2, "--init: requires that --resume is absent, got both"),
        ("a link without a latency", train("--link", "model=1GB/s"), 2, "--link: requires AXIS=BANDWIDTH,LATENCY like model=1GB/s,50us"),
        ("a link without bandwidth", train("--link", "model=0GB/s,1us"), 2, "--link: requires a bandwidth above 0"),
        ("a link of another unit", train("--link", "model=1Gbit/s,1us"), 2, "in B/s, kB/s, MB/s or GB/s"),
        ("two links of an axis", train("--link", "model=1GB/s,1us", "--link", "model=2GB/s,1us"), 2, '--link: requires one link for each axis, got a second one of "model"'),
        ("a link of no axis", train("--link", "modl=1GB/s,1us"), 1, "link requires an axis of the plan's mesh (data, model), got 'modl'"),
        ("weights without communication", train("--without-communication", "--save", s.out + "/w"), 2, "--save: requires that --without-communication is absent, got both"),
        ("checkpoints without communication", train("--without-communication", "--checkpoint", s.out + "/c"), 2, "--checkpoint: requires that --without-communication is absent, got both"),
        ("metrics over the data", train("--metrics", DATA), 2, "--metrics: requires a path of its own"),
        ("tokens over the text", ["tokenize", "text", "-o", "text"], 2, "-o: requires a path of its own"),
    ]


def mesh_cases(s):
    mesh = lambda text: s.compile(mesh=text)
    return [
        ("an axis of size 0", mesh("data=0"), 2, 'mesh axis "data" requires a size from 1 to 4096, got "0"'),
        ("a negative axis", mesh("data=-1"), 2, 'mesh axis "data" requires a size from 1 to 4096, got "-1"'),
        ("an axis beyond all integers", mesh("data=99999999999999999999"), 2, "requires a size from 1 to 4096"),
        ("too many devices", mesh("a=4096,b=4096"), 2, "mesh requires at most 4096 devices"),
        ("one name twice", mesh("data=2,data=2"), 2, 'requires axes of different names, got "data" twice'),
        ("an axis without a size", mesh("data"), 2, "mesh axis requires name=size or name:kind=size"),
        ("an unknown kind", mesh("a:pipe=2"), 2, 'mesh axis "a" requires kind data or model, got "pipe"'),
        ("a kind that the name denies", mesh("data:model=2"), 2, 'requires the kind that it is named after, got "model"'),
        ("a comma too many", mesh("data=2,"), 2, "mesh axis requires name=size"),
        ("an axis with a plus", mesh("data=+2"), 2, 'mesh axis "data" requires a size from 1 to 4096, got "+2"'),
        ("an axis with a leading zero", mesh("data=02"), 2, 'requires a size from 1 to 4096, got "02"'),
        ("an axis with a space", mesh("data=2 "), 2, 'mesh axis "data" requires a size from 1 to 4096, got "2 "'),
        ("an axis with an exponent", mesh("data=1e0"), 2, 'mesh axis "data" requires a size from 1 to 4096, got "1e0"'),
    ]


def model_cases(s):
    nested = "[" * 100000
    return [
        ("no such config", s.compile(model="nowhere.json"), 1, '"nowhere.json": requires a file that can be read, got: No such file'),
        ("a folder without a config", s.compile(model=s.out), 1, "config.json\": requires a file that can be read"),
        ("an endless config", s.compile(model="/dev/zero"), 1, "requires at most 1048576 bytes, got more"),
        ("a config that is no JSON", s.compile(model=s.file("c.json", '{\n "a": }')), 1, "requires JSON, got none at line 2, column 7"),
        ("a deep config", s.compile(model=s.file("c.json", nested)), 1, "levels of nesting"),
        ("an unknown family", s.config(model_type="gpt5"), 1, 'field "model_type" requires one of bert, gpt2, gptj, llama, opt, t5, got "gpt5"'),
        ("no width", s.config(n_embd=0), 1, 'field "n_embd" requires an integer from 1 to 16777216, got 0'),
        ("a width in words", s.config(n_embd="64"), 1, 'field "n_embd" requires an integer from 1 to 16777216, got "64"'),
        ("heads that do not divide", s.config(n_head=3), 1, 'field "n_embd" requires a multiple of n_head = 3, got 64'),
        ("an unknown activation", s.config(activation_function="swish9"), 1, 'field "activation_function" requires one of'),
        ("what is not supported", s.config(add_cross_attention=True), 1, 'field "add_cross_attention" requires false (others are not supported)'),
        ("a model beyond all memory", s.config(n_embd=2**24, vocab_size=2**24), 1, "at most 2^46 elements"),
        ("more than the positions", s.compile(sizes=["--batch", 4, "--seq", 33]), 1, "requires a sequence of at most 32 tokens"),
        ("T5 without a target", s.config(T5), 1, "--target-seq: required for a model with a decoder of its own"),
        ("a document end outside the vocabulary", s.compile("--document-end", 96), 1, "requires a document end below the vocabulary's 96, got 96"),
        ("no such .mlir", s.compile(model="nowhere.mlir", sizes=[]), 1, '"nowhere.mlir": requires a file that can be read'),
        ("a syntax error", s.mlir("%x = ", "%x == "), 1, "model.mlir:4:7: expected operation name"),
        ("deep brackets", s.mlir(text="(" * 200000), 1, "line 1: requires at most 64 levels of brackets"),
        ("zero bytes", s.mlir(text="\0\0"), 1, "requires text, got a zero byte"),
        ("an empty model", s.mlir(text=""), 1, 'requires a function with cleave.entry = "loss", got none'),
        ("a function without results", s.mlir(text='func.func @f() attributes {cleave.entry = "loss"} { return }'), 1, "requires one result, the loss as tensor<f32>, or two"),
        ("an unnamed argument", s.mlir('cleave.parameter = "w", '), 1, "argument 0 requires either cleave.parameter or cleave.input with a name"),
        ("one name for two inputs", s.mlir('"labels"', '"input_ids"'), 1, 'requires a name of its own, got "input_ids" again'),
        ("a dynamic shape", s.mlir("4x6xi32", "?x6xi32"), 1, "statically shaped"),
        ("a tensor beyond all memory", s.mlir("11x11", "9223372036854775807x11"), 1, "requires types of at most 2^46 elements"),
        ("weights of f64", s.mlir("11xf32", "11xf64"), 1, "model.mlir:5:24: 'cleave.cross_entropy' op requires one element type for all of its floats"),
        ("another dialect", s.mlir("  return", "  %c = arith.constant 1 : i32\n  return"), 1, "model.mlir:6:"),
        ("recursion", s.mlir("  return", "  %r:2 = func.call @loss(%w, %ids, %labels) : (tensor<11x11xf32>, tensor<4x6xi32>, tensor<4x6xi32>) -> (tensor<f32>, tensor<f32>)\n  return"), 1, "func.call requires to be an op of the cleave dialect"),
        ("shapes that disagree", s.mlir("-> tensor<4x6x11xf32>", "-> tensor<4x6x12xf32>"), 1, "model.mlir:"),
        ("a placement before place", s.mlir("%w: tensor<11x11xf32>", "%w: tensor<11x11xf32, #cleave.placement<@m, [P(sum)]>>"), 1, "model.mlir:"),
        ("a zero row outside the table", s.mlir("zero_row = -1", "zero_row = 11"), 1, "requires a zero_row below its 11 rows, got 11"),
        ("nothing to train", s.mlir('"w", ', '"w", cleave.trainable = false, '), 1, "requires at least one trainable parameter, got none"),
        ("another mesh than the model's", s.mlir(text='cleave.mesh @m <"x" = 2>\n' + MLIR), 1, "requires the mesh that the module has"),
        ("a phase that was tampered with", s.mlir(text='module attributes {cleave.family = "x"} {' + MLIR + "}"), 1, "cleave.family requires a dictionary"),
    ]


def option_file_cases(s):
    pins = lambda content: s.compile("--pins", s.file("pins.json", content))
    pin = lambda placement, name=FC: pins({"pins": {name: {"model": placement}}})
    groups = lambda *content: s.compile("--groups", s.file("groups.json", {"groups": content}))
    return [
        ("no such cluster", s.compile("--cluster", "b100"), 1, 'requires a cluster\'s file, or one of a100, cpu, h100, h200, got "b100"'),
        ("a cluster without a link", s.compile("--cluster", s.file("c.textproto", CLUSTER)), 1, "links requires a link between devices of a machine"),
        ("a cluster with a negative rate", s.compile("--cluster", s.file("c.textproto", CLUSTER.replace("5e9", "-5e9"))), 1,
         ":2: device.memory_bandwidth requires a number above 0, got -5e+09"),
        ("a cluster with an unknown field", s.compile("--cluster", s.file("c.textproto", CLUSTER.replace("flops", "flips"))), 1, ':2: '),
        ("a link without a latency", s.compile("--link", "model=1GB/s"), 2, "--link: requires AXIS=BANDWIDTH,LATENCY"),
        ("a link of no axis", s.compile("--link", "modl=1GB/s,1us"), 2, '--link: requires an axis of --mesh data=2,model=2, got "modl"'),
        ("two links of an axis", s.compile("--link", "model=1GB/s,1us", "--link", "model=1GB/s,1us"), 2, "requires one link for each axis"),
        ("no such pins", s.compile("--pins", "nowhere"), 1, '"nowhere": requires a file that can be read'),
        ("pins that are no JSON", pins("{"), 1, "requires JSON, got at byte 2"),
        ("deep pins", pins('{"pins":' + "[" * 100000), 1, "requires at most 4 levels of nesting"),
        ("pins in a list", pins({"pins": []}), 1, 'requires one object {"pins": {...}}, got {"pins":[]}'),
        ("a pin of a number", pin(1), 1, f'pin "{FC}", axis "model" requires a placement like'),
        ("a pin that matches nothing", pin("B", "wte*"), 1, "got 'wte*', which matches none"),
        ("a pin along no axis", pins({"pins": {FC: {"modl": "B"}}}), 1, "requires an axis of the mesh in pin"),
        ("a pin of a dimension too many", pin("S(2)"), 1, "requires a pin that fits the value, got S(2)"),
        ("a partial parameter", pin("P(sum)"), 1, "requires S or B for a pinned argument, got P(sum)"),
        ("a pin in an unknown tongue", pin("X"), 1, "requires a pin like S(0), B or P(sum), got 'X'"),
        ("a name pinned twice", pins(f'{{"pins": {{"{FC}": {{}}, "{FC}": {{}}}}}}'), 1, "requires each name once"),
        ("a group without a glob", groups({"lr": 1}), 1, 'group 0: "match" requires a name or glob'),
        ("a group that matches nothing", groups({"match": "wte*"}), 1, 'requires groups that match a parameter, got "wte*"'),
        ("a negative factor", groups({"match": "*", "lr": -1}), 1, 'group 0: "lr" requires a number of at least 0, got -1'),
        ("a broken glob", groups({"match": "["}), 1, 'requires a well-formed glob, got "["'),
        ("an unknown field", groups({"match": "*", "rate": 1}), 1, "group 0 requires the fields match, lr, weight_decay and trainable"),
        ("groups that freeze all", groups({"match": "*", "trainable": False}), 1, "requires at least one trainable parameter, got none"),
    ]


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
        ("random bytes as a plan", shown(bytes(range(255, 0, -1)) * 4), 1, "requires a plan, got 1020 bytes that are none"),
        ("a plan that was cut", shown(plan[:-1]), 1, "bytes that are none"),
        ("a plan with a flipped bit", shown(plan.replace(b"wte", b"wtf", 1)), 1, "the plan was changed or damaged"),
        ("a plan of a later version", shown(newer), 1, "requires a plan of format version 2 or older, got version 99"),
        ("weights as a plan", ["explain", WEIGHTS], 1, "bytes that are none"),
        ("an unknown kernel", changed((7, 4, 3, 1), lambda _: b"matmull"), 1, "requires a known kernel, got 'matmull'; near: matmul"),
        ("a register outside its arena", changed((7, 4, 1, 1), lambda _: 1 << 40), 1, "requires to lie inside the arena of"),
        ("an arena beyond all memory", changed((6, 2), lambda _: 1 << 60), 1, "requires arenas that fit the available memory"),
        ("an axis of another size", changed((4, 3), lambda _: 3), 1, "rank 4 requires to be in one class, got none"),
        ("a task that is run a billion times", changed((7, 4, 3, 6), lambda _: 10**9), 1, "got a repeat count of 1000000000"),
        ("a batch of another size", changed((8, 1), lambda _: 5), 1, "requires leading dimensions that hold the batch of 5, got 4x16xi32"),
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
    entry = lambda **fields: safetensors({"a": dict({"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}, **fields)}, bytes(8))
    other = lambda **fields: safetensors(dict(header, **{name: dict(header[name], **fields)}), data)
    renamed = {("transformer.b" if key == name else key): value for key, value in header.items()}
    start = lambda content: s.train("--init", s.file("w.safetensors", content))
    index = lambda content: s.train("--init", s.file("w.safetensors.index.json", content))
    return [
        ("no such weights", s.train("--init", "nowhere"), 1, 'cannot open "nowhere": No such file'),
        ("a folder without weights", s.train("--init", s.out), 1, "model.safetensors\": No such file"),
        ("an empty file", start(b""), 1, "requires at least 8 bytes, got 0"),
        ("weights that were cut", start(whole[:-1]), 1, "within the 433151 bytes of data"),
        ("weights with more behind", start(whole + b"x"), 1, "requires tensors that cover the 433153 bytes of data, got 433152"),
        ("a header beyond all memory", start(safetensors({}, length=2**63)), 1, "requires a header of at most 104857600 bytes"),
        ("a header longer than the file", start(safetensors({}, length=100)), 1, "requires a header of at most 2 bytes (the file ends there), got 100"),
        ("a deep header", start(safetensors(b"[" * 100000)), 1, "requires at most 3 levels of nesting"),
        ("a shape that overflows", start(entry(shape=[2**62, 4])), 1, 'tensor "a": requires a size below 2^63 bytes'),
        ("a negative shape", start(entry(shape=[-1])), 1, 'tensor "a": requires shape to be integers from 0'),
        ("offsets in reverse", start(entry(data_offsets=[8, 0])), 1, "requires data_offsets [begin, end] within the 8 bytes"),
        ("an unknown dtype", start(entry(dtype="Q8")), 1, 'tensor "a": requires a known dtype, got "Q8"'),
        ("a dtype of integers", start(other(dtype="I32")), 1, f'tensor "{name}": requires dtype F32, F64, F16 or BF16, got I32'),
        ("a parameter of another shape", start(other(shape=[8, 8])), 1, f'tensor "{name}": requires shape [64], got [8, 8]'),
        ("a name that is missing", start(safetensors(renamed, data)), 1, f'requires tensors "{name}", which are missing, got unexpected ones: "transformer.b"'),
        ("another family's weights", s.train("--init", T5 + "/model.safetensors"), 1, "got unexpected ones"),
        ("an index that leaves its folder", index({"weight_map": {"a": "../w.safetensors"}}), 1, "requires a file in the index's own folder"),
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
        ("data of no kind", s.train(data="data.txt"), 1, "requires data that end in .bin or .safetensors"),
        ("no such data", s.train(data="nowhere.bin"), 1, 'cannot open "nowhere.bin": No such file'),
        ("too few tokens for a row", tokens(ids(*[1] * 16)), 1, "requires at least 17 tokens for one row of 16, got 16"),
        ("half a token", tokens(ids(*[1] * 40) + b"x"), 1, "requires a multiple of 2 bytes a token, got 81 bytes (token 40 is cut off)"),
        ("a token outside the vocabulary", tokens(ids(*[1] * 20, 96, *[1] * 44)), 1, "at token 20: requires a value from 0 to 95, got 96"),
        ("tokens of another size", tokens(ids(*[1] * 65), "--token-bytes", 4), 1, "requires a multiple of 4 bytes a token"),
        ("an example outside the vocabulary", examples(header, wrong), 1, 'at "input_ids" row 0 position 5: requires a value from 0 to 95, got 96'),
        ("no labels", examples(alone, data[: len(data) // 2]), 1, 'requires tensor "labels", got input_ids'),
        ("labels that are floats", labels(dtype="F32"), 1, 'for "labels", got F32'),
        ("fewer labels than inputs", labels(shape=[40, 32]), 1, 'requires as many examples in each tensor, got 80 in "input_ids" and 40 in "labels"'),
        ("examples of another length", s.train(data=T5 + "/data.safetensors"), 1, "values an example in"),
        ("data that were cut", s.train(data=s.file("d.safetensors", safetensors(header, data[:-5]))), 1, "within the 10235 bytes of data"),
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
        ("no such checkpoint", s.train("--resume", "nowhere"), 1, '"nowhere": requires a folder of checkpoints, got nothing'),
        ("a file as a checkpoint", s.train("--resume", DATA), 1, "requires a folder of checkpoints, got a file"),
        ("a checkpoint without a manifest", spoilt("{step}/manifest.json", os.remove), 1, "manifest.json\": No such file"),
        ("a manifest that was cut", spoilt("{step}/manifest.json", cut), 1, "manifest.json\": requires JSON"),
        ("weights that were cut", spoilt("{step}/model.safetensors", cut), 1, "bytes as its manifest says"),
        ("a flipped bit in the state", spoilt("{step}/state.safetensors", flip), 1, "as its manifest says"),
        ("a state that is missing", spoilt("{step}/state.safetensors", os.remove), 1, "state.safetensors\": No such file"),
        ("a checkpoint that leaves its folder", spoilt("latest", elsewhere), 1, 'requires the name of a checkpoint, got "../../etc"'),
        ("a manifest of another format", manifest(format=99), 1, "requires format 1, got 99"),
        ("a step before the first", manifest(step=-1), 1, 'requires "step" to be an integer from 0'),
        ("an order of its own", manifest(order="random"), 1, 'requires order shuffled or sequential, got "random"'),
        ("another seed", s.train("--resume", s.checkpoints, "--seed", 3), 1, "--seed: requires the resumed run's 0, got 3"),
        ("another order", s.train("--resume", s.checkpoints, "--order", "sequential"), 1, "--order: requires the resumed run's shuffled, got sequential"),
        ("another optimizer", s.train("--resume", s.checkpoints, plan=sgd), 1, "requires states of the plan alone"),
    ]


def text_cases(s):
    vocabulary = lambda content: s.tokenize("--vocab-in", s.file("v.json", content))
    merges = lambda *pairs: vocabulary({"format": "cleave-bpe-1", "tokens": 256 + len(pairs), "merges": pairs})
    return [
        ("no such text", ["tokenize", "nowhere", "-o", s.out + "/t"], 1, 'cannot open "nowhere": No such file'),
        ("no text", s.tokenize(text=""), 1, "requires text, got an empty file"),
        ("a vocabulary below the bytes", s.tokenize("--vocab", 255), 2, "--vocab: requires \"bytes\" or a number of tokens from 256 to 65536"),
        ("two vocabularies", s.tokenize("--vocab", 300, "--vocab-in", "v"), 2, "--vocab: requires that --vocab-in is absent"),
        ("another JSON as a vocabulary", vocabulary({"a": 1}), 1, 'requires an object of format "cleave-bpe-1", got none'),
        ("a merge of what comes later", merges([300, 1]), 1, "merge 0: requires tokens below 256, got 300"),
        ("a merge of three", merges([1, 2, 3]), 1, "merge 0: requires two tokens, got [1,2,3]"),
        ("one merge twice", merges([1, 2], [1, 2]), 1, "requires merges that differ, got 1 repeated"),
        ("a folder that is not there", s.tokenize("--vocab-out", "/nowhere/v.json"), 1, 'cannot write "/nowhere/v.json": No such file'),
        ("no prompt", s.sample("--prompt", ""), 2, "--prompt: requires a value"),
        ("a prompt too long", s.sample("--prompt", "123456789"), 1, "requires a prompt of 1 to 8 tokens (the plan's sequence), got 9"),
        ("a temperature that is no number", s.sample("--prompt", "1", "--temperature", "nan"), 2, "--temperature: requires a number from 0"),
        ("a vocabulary beyond the model's", s.sample("--prompt", "1", plan=s.plan, weights=WEIGHTS), 1, "requires a vocabulary of at most the model's 96 tokens, got 256"),
        ("weights of another model", s.sample("--prompt", "1", weights=WEIGHTS), 1, "kit_gpt2/model.safetensors"),
    ]


def output_cases(s):
    compile = ["compile", FIXTURE, *MESH, *SIZES, "-o"]
    return [
        ("a plan into a folder that is not there", compile + ["/nowhere/plan"], 1, 'cannot write "/nowhere/plan": No such file'),
        ("a plan onto a folder", compile + [s.out], 1, "requires a file, got a folder"),
        ("a plan onto a full disk", compile + ["/dev/full"], 1, 'cannot write "/dev/full": No space left on device'),
        ("weights into a folder that is not there", s.train("--save", "/nowhere/w"), 1, 'cannot write "/nowhere/w": No such file'),
        ("a trace onto a folder", s.train("--trace", s.out), 1, "requires a file, got a folder"),
        ("metrics onto a full disk", s.train("--metrics", "/dev/full"), 1, 'cannot write "/dev/full": No space left on device'),
        ("checkpoints into a file", s.train("--checkpoint", WEIGHTS), 1, "requires a folder, got a file"),
        ("checkpoints below a file", s.train("--checkpoint", s.plan + "/c"), 1, 'cannot make folder'),
    ]


def trace_cases(s):
    shown = lambda content: ["trace-report", s.file("trace.json", content)]
    slices = lambda **fields: shown({"traceEvents": [{"name": "thread_name", "ph": "M", "pid": 0, "tid": 0, "args": {"name": "phases"}}, dict({"name": "step", "cat": "run", "ph": "X", "pid": 0, "tid": 0, "ts": 0, "dur": 1}, **fields)]})
    return [
        ("no trace", ["trace-report"], 2, "requires T.json, got none"),
        ("no such trace", ["trace-report", "nowhere.json"], 1, 'cannot open "nowhere.json": No such file'),
        ("an endless trace", ["trace-report", "/dev/zero"], 1, "requires a regular file, got a device or pipe"),
        ("an empty trace", shown(""), 1, "requires JSON, got at byte 1"),
        ("a trace that was cut off", shown('{"traceEvents":[{"name":"a"'), 1, "requires JSON, got at byte"),
        ("a plan as a trace", ["trace-report", s.plan], 1, "requires JSON"),
        ("a deep trace", shown("[" * 100000), 1, "levels of nesting"),
        ("another JSON", shown([1, 2]), 1, 'requires a trace, an object with a list "traceEvents"'),
        ("a trace without events", shown({"traceEvents": []}), 1, 'requires runs of an entry in rows "phases"'),
        ("a negative duration", slices(dur=-1), 1, 'event 1 requires "dur" to be a number of microseconds, got -1'),
        ("a slice without a row", slices(tid=9), 1, "event 1 requires a thread with a name"),
        ("a slice without a name", slices(name=None), 1, 'event 1 requires a text "name", got null'),
    ]


def check_case(scene, checks, name, arguments, code, text):
    try:
        done = subprocess.run(command(arguments), capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
    except subprocess.TimeoutExpired:
        return checks.check(False, f"{name}: no end after 60 s")
    left = os.listdir(scene.out)
    message = [line for line in done.stderr.splitlines() if line.startswith("cleave")]
    holds = done.returncode == code and text in "".join(message[:1]) and not done.stdout and not left
    checks.check(holds, f"{name}: exit {done.returncode}, {done.stderr[-1000:].strip()!r}" + (f", left {left}" if left else ""))


def check_streams(scene, checks):
    """Closed and full standard streams: results that can't be written are an error, and files stay what they are."""
    closed = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh"] + command(["explain", scene.plan]), stderr=subprocess.PIPE, text=True)
    checks.check(closed.returncode == 1 and "cannot write to stdout" in closed.stderr, f"explain without stdout: {closed.stderr!r}")
    with open("/dev/full", "w") as full:
        for arguments in (["explain", scene.plan], ["print-plan", scene.plan], scene.sample("--prompt", "1"), ["--help"]):
            done = subprocess.run(command(arguments), stdout=full, stderr=subprocess.PIPE, text=True)
            checks.check(done.returncode == 1 and "cannot write to stdout" in done.stderr, f"{arguments[0]} onto a full disk: {done.stderr!r}")
    metrics = scene.path("closed.jsonl")
    closed = subprocess.run(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"] + command(scene.train("--metrics", metrics, "--threads", 1)))
    with open(metrics) as lines:
        steps = [json.loads(line)["step"] for line in lines]
    checks.check(closed.returncode == 0 and steps == [1], "without standard streams, progress does not end up in the metrics")


def main():
    scene, checks = Scene(), Checks()
    for cases in (flag_cases, mesh_cases, model_cases, option_file_cases, plan_cases, weight_cases, data_cases, checkpoint_cases, text_cases, output_cases, trace_cases):
        for case in cases(scene):
            check_case(scene, checks, *case)
    check_streams(scene, checks)
    checks.finish()


main()
