"""What a careless user and a hostile file get from every command: one message that names the thing and the rule, the
exit code that fits, nothing on stdout, and no file left behind."""

import json
import os
import subprocess

from bad_files import checkpoint_cases, data_cases, plan_cases, weight_cases
from bad_input_scene import FIXTURE, T5, DATA, WEIGHTS, MESH, SIZES, CLUSTER, FC, MLIR, Scene
from driver import Checks, command


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
        ("an unknown optimizer", compile("--optimizer", "adam"), 2, 'requires adamw or sgd or custom, got "adam"'),
        ("momentum of AdamW", compile("--momentum", 0.9), 2, "--momentum: requires --optimizer sgd, got adamw"),
        ("a cosine without an end", compile("--schedule", "cosine"), 2, 'requires --total-steps with "cosine"'),
        ("microbatches that do not divide", compile("--microbatches", 3), 2,
         "requires a number that divides --batch 4, got 3"),
        ("steps with a plus", train(steps="+1"), 2, '--steps: requires an integer from 0 to 9e+18, got "+1"'),
        ("steps with a leading zero", train(steps="01"), 2, '--steps: requires an integer from 0 to 9e+18, got "01"'),
        ("steps with an exponent", train(steps="1e0"), 2, '--steps: requires an integer from 0 to 9e+18, got "1e0"'),
        ("a rate with a plus", compile("--lr", "+1e-3"), 2, '--lr: requires a number from 0 to 1e+38, got "+1e-3"'),
        ("a rate with a leading zero", compile("--lr", "00.1"), 2, '--lr: requires a number from 0'),
        ("a rate with a unit", compile("--lr", "1e-3x"), 2, '--lr: requires a number from 0 to 1e+38, got "1e-3x"'),
        ("memory with a leading zero", compile("--memory", "01GB"), 2, "--memory requires bytes, such as 2GB"),
        ("too many digits", compile("--microbatches", 10**20), 2,
         "--microbatches: requires an integer from 1 to 9e+18"),
        ("sizes of a model in MLIR", ["compile", "m.mlir", "-o", s.out + "/plan", *MESH, *SIZES], 2,
         "--batch: requires a config"),
        ("no threads", train("--threads", 0), 2, '--threads: requires an integer from 1 to 1024, got "0"'),
        ("a thousand cores too many", train("--threads", 10000), 2, "--threads: requires an integer from 1 to 1024"),
        ("no patience", train("--deadline", 0), 2, '--deadline: requires a number from 0.001 to 1e+09, got "0"'),
        ("steps that are no number", train(steps="many"), 2, '--steps: requires an integer from 0'),
        ("tokens of three bytes", train("--token-bytes", 3), 2, '--token-bytes: requires 2 or 4, got "3"'),
        ("checkpoints without a place", train("--checkpoint-every", 1), 2,
         "--checkpoint-every: requires --checkpoint too"),
        ("two starts", train("--init", WEIGHTS, "--resume", s.checkpoints), 2,
         "--init: requires that --resume is absent, got both"),
        ("a link without a latency", train("--link", "model=1GB/s"), 2,
         "--link: requires AXIS=BANDWIDTH,LATENCY like model=1GB/s,50us"),
        ("a link without bandwidth", train("--link", "model=0GB/s,1us"), 2, "--link: requires a bandwidth above 0"),
        ("a link of another unit", train("--link", "model=1Gbit/s,1us"), 2, "in B/s, kB/s, MB/s or GB/s"),
        ("two links of an axis", train("--link", "model=1GB/s,1us", "--link", "model=2GB/s,1us"), 2,
         '--link: requires one link for each axis, got a second one of "model"'),
        ("a link of no axis", train("--link", "modl=1GB/s,1us"), 1,
         "link requires an axis of the plan's mesh (data, model), got 'modl'"),
        ("weights without communication", train("--without-communication", "--save", s.out + "/w"), 2,
         "--save: requires that --without-communication is absent, got both"),
        ("checkpoints without communication", train("--without-communication", "--checkpoint", s.out + "/c"), 2,
         "--checkpoint: requires that --without-communication is absent, got both"),
        ("metrics over the data", train("--metrics", DATA), 2, "--metrics: requires a path of its own"),
        ("tokens over the text", ["tokenize", "text", "-o", "text"], 2, "-o: requires a path of its own"),
    ]


def mesh_cases(s):
    mesh = lambda text: s.compile(mesh=text)
    return [
        ("an axis of size 0", mesh("data=0"), 2, 'mesh axis "data" requires a size from 1 to 4096, got 0'),
        ("a negative axis", mesh("data=-1"), 2, 'mesh axis "data" requires a size from 1 to 4096, got -1'),
        ("an axis beyond all integers", mesh("data=99999999999999999999"), 2, "requires a size from 1 to 4096"),
        ("too many devices", mesh("a=4096,b=4096"), 2, "mesh requires at most 4096 devices"),
        ("one name twice", mesh("data=2,data=2"), 2, 'requires axes of different names, got "data" twice'),
        ("an axis without a size", mesh("data"), 2, "mesh axis requires name=size or name:kind=size"),
        ("an unknown kind", mesh("a:pipe=2"), 2, 'mesh axis "a" requires kind data or model, got "pipe"'),
        ("a kind that the name denies", mesh("data:model=2"), 2,
         'requires the kind that it is named after, got "model"'),
        ("a comma too many", mesh("data=2,"), 2, "mesh axis requires name=size"),
        ("an axis with a plus", mesh("data=+2"), 2, 'mesh axis "data" requires a size from 1 to 4096, got "+2"'),
        ("an axis with a leading zero", mesh("data=02"), 2, 'requires a size from 1 to 4096, got "02"'),
        ("an axis with a space", mesh("data=2 "), 2, 'mesh axis "data" requires a size from 1 to 4096, got "2 "'),
        ("an axis with an exponent", mesh("data=1e0"), 2, 'mesh axis "data" requires a size from 1 to 4096, got "1e0"'),
    ]


def model_cases(s):
    nested = "[" * 100000
    return [
        ("no such config", s.compile(model="nowhere.json"), 1,
         '"nowhere.json": requires a file that can be read, got: No such file'),
        ("a folder without a config", s.compile(model=s.out), 1, "config.json\": requires a file that can be read"),
        ("an endless config", s.compile(model="/dev/zero"), 1, "requires at most 1048576 bytes, got more"),
        ("a config that is no JSON", s.compile(model=s.file("c.json", '{\n "a": }')), 1,
         "requires JSON, got none at line 2, column 7"),
        ("a deep config", s.compile(model=s.file("c.json", nested)), 1, "levels of nesting"),
        ("an unknown family", s.config(model_type="gpt5"), 1,
         'field "model_type" requires one of bert, gpt2, gptj, llama, mistral, opt, qwen3, t5, got "gpt5"'),
        ("no width", s.config(n_embd=0), 1, 'field "n_embd" requires an integer from 1 to 16777216, got 0'),
        ("a width in words", s.config(n_embd="64"), 1,
         'field "n_embd" requires an integer from 1 to 16777216, got "64"'),
        ("heads that do not divide", s.config(n_head=3), 1, 'field "n_embd" requires a multiple of n_head = 3, got 64'),
        ("an unknown activation", s.config(activation_function="swish9"), 1,
         'field "activation_function" requires one of'),
        ("what is not supported", s.config(add_cross_attention=True), 1,
         'field "add_cross_attention" requires false (others are not supported)'),
        ("a model beyond all memory", s.config(n_embd=2**24, vocab_size=2**24), 1, "at most 2^46 elements"),
        ("more than the positions", s.compile(sizes=["--batch", 4, "--seq", 33]), 1,
         "requires a sequence of at most 32 tokens"),
        ("T5 without a target", s.config(T5), 1, "--target-seq: required for a model with a decoder of its own"),
        ("a document end outside the vocabulary", s.compile("--document-end", 96), 1,
         "requires a document end below the vocabulary's 96, got 96"),
        ("no such .mlir", s.compile(model="nowhere.mlir", sizes=[]), 1,
         '"nowhere.mlir": requires a file that can be read'),
        ("a syntax error", s.mlir("%x = ", "%x == "), 1, "model.mlir:4:7: expected operation name"),
        ("deep brackets", s.mlir(text="(" * 200000), 1, "line 1: requires at most 64 levels of brackets"),
        ("zero bytes", s.mlir(text="\0\0"), 1, "requires text, got a zero byte"),
        ("an empty model", s.mlir(text=""), 1, 'requires a function with cleave.entry = "loss", got none'),
        ("a function without results", s.mlir(text='func.func @f() attributes {cleave.entry = "loss"} { return }'), 1,
         "requires one result, the loss as tensor<f32>, or two"),
        ("an unnamed argument", s.mlir('cleave.parameter = "w", '), 1,
         "argument 0 requires either cleave.parameter or cleave.input with a name"),
        ("one name for two inputs", s.mlir('"labels"', '"input_ids"'), 1,
         'requires a name of its own, got "input_ids" again'),
        ("a dynamic shape", s.mlir("4x6xi32", "?x6xi32"), 1, "statically shaped"),
        ("a tensor beyond all memory", s.mlir("11x11", "9223372036854775807x11"), 1,
         "requires types of at most 2^46 elements"),
        ("weights of f64", s.mlir("11xf32", "11xf64"), 1,
         "model.mlir:5:24: 'cleave.cross_entropy' op requires one element type for all of its floats"),
        ("another dialect", s.mlir("  return", "  %c = arith.constant 1 : i32\n  return"), 1, "model.mlir:6:"),
        ("recursion",
         s.mlir("  return", "  %r:2 = func.call @loss(%w, %ids, %labels) : (tensor<11x11xf32>, tensor<4x6xi32>, "
                            "tensor<4x6xi32>) -> (tensor<f32>, tensor<f32>)\n  return"), 1,
         "func.call requires to be an op of the cleave dialect"),
        ("shapes that disagree", s.mlir("-> tensor<4x6x11xf32>", "-> tensor<4x6x12xf32>"), 1, "model.mlir:"),
        ("a placement before place",
         s.mlir("%w: tensor<11x11xf32>", "%w: tensor<11x11xf32, #cleave.placement<@m, [P(sum)]>>"), 1, "model.mlir:"),
        ("a zero row outside the table", s.mlir("zero_row = -1", "zero_row = 11"), 1,
         "requires a zero_row below its 11 rows, got 11"),
        ("nothing to train", s.mlir('"w", ', '"w", cleave.trainable = false, '), 1,
         "requires at least one trainable parameter, got none"),
        ("another mesh than the model's", s.mlir(text='cleave.mesh @m <"x" = 2>\n' + MLIR), 1,
         "requires the mesh that the module has"),
        ("a phase that was tampered with", s.mlir(text='module attributes {cleave.family = "x"} {' + MLIR + "}"), 1,
         "cleave.family requires a dictionary"),
    ]


def option_file_cases(s):
    pins = lambda content: s.compile("--pins", s.file("pins.json", content))
    pin = lambda placement, name=FC: pins({"pins": {name: {"model": placement}}})
    groups = lambda *content: s.compile("--groups", s.file("groups.json", {"groups": content}))
    return [
        ("no such cluster", s.compile("--cluster", "b100"), 1,
         'requires a cluster\'s file, or one of a100, cpu, h100, h200, got "b100"'),
        ("a cluster without a link", s.compile("--cluster", s.file("c.textproto", CLUSTER)), 1,
         "links requires a link between devices of a machine"),
        ("a cluster with a negative rate",
         s.compile("--cluster", s.file("c.textproto", CLUSTER.replace("5e9", "-5e9"))), 1,
         ":2: device.memory_bandwidth requires a number above 0, got -5e+09"),
        ("a cluster with an unknown field",
         s.compile("--cluster", s.file("c.textproto", CLUSTER.replace("flops", "flips"))), 1, ':2: '),
        ("a link without a latency", s.compile("--link", "model=1GB/s"), 2, "--link: requires AXIS=BANDWIDTH,LATENCY"),
        ("a link of no axis", s.compile("--link", "modl=1GB/s,1us"), 2,
         '--link: requires an axis of --mesh data=2,model=2, got "modl"'),
        ("two links of an axis", s.compile("--link", "model=1GB/s,1us", "--link", "model=1GB/s,1us"), 2,
         "requires one link for each axis"),
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
        ("a group that matches nothing", groups({"match": "wte*"}), 1,
         'requires groups that match a parameter, got "wte*"'),
        ("a negative factor", groups({"match": "*", "lr": -1}), 1,
         'group 0: "lr" requires a number of at least 0, got -1'),
        ("a broken glob", groups({"match": "["}), 1, 'requires a well-formed glob, got "["'),
        ("an unknown field", groups({"match": "*", "rate": 1}), 1,
         "group 0 requires the fields match, lr, weight_decay and trainable"),
        ("groups that freeze all", groups({"match": "*", "trainable": False}), 1,
         "requires at least one trainable parameter, got none"),
    ]


def text_cases(s):
    vocabulary = lambda content: s.tokenize("--vocab-in", s.file("v.json", content))
    merges = lambda *pairs: vocabulary({"format": "cleave-bpe-1", "tokens": 256 + len(pairs), "merges": pairs})
    return [
        ("no such text", ["tokenize", "nowhere", "-o", s.out + "/t"], 1, 'cannot open "nowhere": No such file'),
        ("no text", s.tokenize(text=""), 1, "requires text, got an empty file"),
        ("a vocabulary below the bytes", s.tokenize("--vocab", 255), 2,
         "--vocab: requires \"bytes\" or a number of tokens from 256 to 65536"),
        ("two vocabularies", s.tokenize("--vocab", 300, "--vocab-in", "v"), 2,
         "--vocab: requires that --vocab-in is absent"),
        ("another JSON as a vocabulary", vocabulary({"a": 1}), 1,
         'requires an object of format "cleave-bpe-1", got none'),
        ("a merge of what comes later", merges([300, 1]), 1, "merge 0: requires tokens below 256, got 300"),
        ("a merge of three", merges([1, 2, 3]), 1, "merge 0: requires two tokens, got [1,2,3]"),
        ("one merge twice", merges([1, 2], [1, 2]), 1, "requires merges that differ, got 1 repeated"),
        ("a folder that is not there", s.tokenize("--vocab-out", "/nowhere/v.json"), 1,
         'cannot write "/nowhere/v.json": No such file'),
        ("no prompt", s.sample("--prompt", ""), 2, "--prompt: requires a value"),
        ("a prompt too long", s.sample("--prompt", "123456789"), 1,
         "requires a prompt of 1 to 8 tokens (the plan's sequence), got 9"),
        ("a temperature that is no number", s.sample("--prompt", "1", "--temperature", "nan"), 2,
         "--temperature: requires a number from 0"),
        ("a vocabulary beyond the model's", s.sample("--prompt", "1", plan=s.plan, weights=WEIGHTS), 1,
         "requires a vocabulary of at most the model's 96 tokens, got 256"),
        ("weights of another model", s.sample("--prompt", "1", weights=WEIGHTS), 1, "kit_gpt2/model.safetensors"),
    ]


def output_cases(s):
    compile = ["compile", FIXTURE, *MESH, *SIZES, "-o"]
    return [
        ("a plan into a folder that is not there", compile + ["/nowhere/plan"], 1,
         'cannot write "/nowhere/plan": No such file'),
        ("a plan onto a folder", compile + [s.out], 1, "requires a file, got a folder"),
        ("a plan onto a full disk", compile + ["/dev/full"], 1, 'cannot write "/dev/full": No space left on device'),
        ("weights into a folder that is not there", s.train("--save", "/nowhere/w"), 1,
         'cannot write "/nowhere/w": No such file'),
        ("a trace onto a folder", s.train("--trace", s.out), 1, "requires a file, got a folder"),
        ("metrics onto a full disk", s.train("--metrics", "/dev/full"), 1,
         'cannot write "/dev/full": No space left on device'),
        ("checkpoints into a file", s.train("--checkpoint", WEIGHTS), 1, "requires a folder, got a file"),
        ("checkpoints below a file", s.train("--checkpoint", s.plan + "/c"), 1, 'cannot make folder'),
    ]


def trace_cases(s):
    shown = lambda content: ["trace-report", s.file("trace.json", content)]
    row = {"name": "thread_name", "ph": "M", "pid": 0, "tid": 0, "args": {"name": "phases"}}
    run = {"name": "step", "cat": "run", "ph": "X", "pid": 0, "tid": 0, "ts": 0, "dur": 1}
    slices = lambda **fields: shown({"traceEvents": [row, dict(run, **fields)]})
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


def report_cases(s):
    line = {"step": 1, "loss": 2.5, "step_ms": 3.0, "exposed_ms": 0.0, "late_ms": 0.0, "data_ms": 0.0,
            "tokens_per_s": 9.0, "peak_bytes": [64]}
    metrics = s.file("right.jsonl", json.dumps(line) + "\n")
    of = lambda content, *more: ["report", s.file("run.jsonl", content), "-o", s.out + "/report.html", *more]
    about = lambda flag, content: ["report", metrics, "-o", s.out + "/report.html", flag, s.file("other", content)]
    return [
        ("no place for a report", ["report", metrics], 2, "requires -o REPORT.html, got none"),
        ("a report onto its metrics", ["report", metrics, "-o", metrics], 2, "-o: requires a path of its own"),
        ("a report of nothing", of(""), 1, "requires a run of at least one step, got none"),
        ("metrics that are none", of("hello\n"), 1, "line 1: requires JSON"),
        ("metrics of another program", of('{"step": "1"}\n'), 1, 'line 1: requires an object with an integer "step"'),
        ("metrics without a loss", of(json.dumps(dict(line, loss=None)) + "\n"), 1,
         'line 1: requires a number as "loss", got null'),
        ("metrics without memory", of(json.dumps(dict(line, peak_bytes=3)) + "\n"), 1,
         'requires a list of numbers as "peak_bytes"'),
        ("a report with a wrong plan", about("--plan", "hello"), 1, "requires a plan"),
        ("a report with a wrong trace", about("--trace", "[1]"), 1, "requires a trace, an object"),
        ("a report into a folder that is not there", ["report", metrics, "-o", "/nowhere/r.html"], 1,
         'cannot write "/nowhere/r.html": No such file'),
    ]


def check_case(scene, checks, name, arguments, code, text):
    try:
        done = subprocess.run(command(arguments), capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
    except subprocess.TimeoutExpired:
        return checks.check(False, f"{name}: no end after 60 s")
    left = os.listdir(scene.out)
    message = [line for line in done.stderr.splitlines() if line.startswith("cleave")]
    holds = done.returncode == code and text in "".join(message[:1]) and not done.stdout and not left
    what = f"{name}: exit {done.returncode}, {done.stderr[-1000:].strip()!r}"
    checks.check(holds, what + (f", left {left}" if left else ""))


def check_streams(scene, checks):
    """Closed and full standard streams: results that can't be written are an error, and files stay what they are."""
    closed = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh"] + command(["explain", scene.plan]),
                            stderr=subprocess.PIPE, text=True)
    checks.check(closed.returncode == 1 and "cannot write to stdout" in closed.stderr,
                 f"explain without stdout: {closed.stderr!r}")
    with open("/dev/full", "w") as full:
        for arguments in (["explain", scene.plan], ["print-plan", scene.plan], scene.sample("--prompt", "1"),
                          ["--help"]):
            done = subprocess.run(command(arguments), stdout=full, stderr=subprocess.PIPE, text=True)
            checks.check(done.returncode == 1 and "cannot write to stdout" in done.stderr,
                         f"{arguments[0]} onto a full disk: {done.stderr!r}")
    metrics = scene.path("closed.jsonl")
    closed = subprocess.run(["sh", "-c", 'exec "$@" <&- >&- 2>&-',
                             "sh"] + command(scene.train("--metrics", metrics, "--threads", 1)))
    with open(metrics) as lines:
        steps = [json.loads(line)["step"] for line in lines]
    checks.check(closed.returncode == 0 and steps == [1],
                 "without standard streams, progress does not end up in the metrics")


def main():
    scene, checks = Scene(), Checks()
    for cases in (flag_cases, mesh_cases, model_cases, option_file_cases, plan_cases, weight_cases, data_cases,
                  checkpoint_cases, text_cases, output_cases, trace_cases, report_cases):
        for case in cases(scene):
            check_case(scene, checks, *case)
    check_streams(scene, checks)
    checks.finish()


main()
