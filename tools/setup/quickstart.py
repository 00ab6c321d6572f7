#!/usr/bin/python3
"""Every station once: quickstart.py LAUNCHER FOLDER makes text, tokens, a plan and a trained model in FOLDER.

Each command is shown as one would type it. Progress goes to stderr; the placement table, the sample and the figures at
the end go to stdout.
"""

import array
import collections
import json
import math
import pathlib
import shlex
import subprocess
import sys

VOCABULARY = 1024
STEPS = 800
BATCH = 16
SEQUENCE = 128
MESH = "data=2,model=2"
# Tokens at the end of the text that are not trained on: one in so many.
HELD_OUT = 50
# Steps whose mean loss is given as the loss reached: one step's is noisy.
LAST_STEPS = 20

CONFIG = {
    "model_type": "gpt2",
    "architectures": ["GPT2LMHeadModel"],
    "vocab_size": VOCABULARY,
    "n_positions": SEQUENCE,
    "n_embd": 128,
    "n_layer": 4,
    "n_head": 4,
    "activation_function": "gelu_new",
    "resid_pdrop": 0.0,
    "embd_pdrop": 0.0,
    "attn_pdrop": 0.0,
    "tie_word_embeddings": True,
}


class Failed(Exception):
    """A command that ended with another code than 0."""

    def __init__(self, command, code):
        super().__init__(f"{command} ended with {code}")
        self.code = code


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(folder, command, shown, output=None):
    """Runs a command in the folder, its results to `output` (stdout where None)."""
    say(f"\n$ {shown}")
    sys.stdout.flush()
    code = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, check=False).returncode
    if code != 0:
        raise Failed(shown, code)


class Quickstart:

    def __init__(self, launcher, folder):
        self.launcher = launcher
        self.folder = folder

    def cleave(self, *arguments):
        run(self.folder, [self.launcher, *arguments], "cleave " + shlex.join(arguments))

    def make_text(self):
        with open(self.folder / "bible.txt", "wb") as text:
            run(self.folder, ["bible", "-f", "gen1:1-rev22:21"], "bible -f gen1:1-rev22:21 > bible.txt", text)

    def make_tokens(self):
        """Tokenizes the text and sets its end aside. Returns all tokens."""
        self.cleave("tokenize", "bible.txt", "-o", "bible.bin", "--vocab", str(VOCABULARY), "--vocab-out", "vocab.json")
        whole = (self.folder / "bible.bin").read_bytes()
        tokens = array.array("H", whole)  # two bytes each, little-endian as the machines that Cleave runs on
        boundary = 2 * (len(tokens) - len(tokens) // HELD_OUT)
        (self.folder / "train.bin").write_bytes(whole[:boundary])
        (self.folder / "held_out.bin").write_bytes(whole[boundary:])
        return tokens

    def make_plan(self):
        (self.folder / "config.json").write_text(json.dumps(CONFIG, indent=2) + "\n")
        self.cleave("compile", "config.json", "-o", "gpt2.plan", "--mesh", MESH, "--batch", str(BATCH),
                    "--seq", str(SEQUENCE), "--lr", "3e-3", "--weight-decay", "0.1", "--clip-norm", "1",
                    "--schedule", "cosine", "--warmup", "50", "--total-steps", str(STEPS), "--min-lr", "3e-4")

    def train(self):
        self.cleave("train", "gpt2.plan", "--data", "train.bin", "--steps", str(STEPS), "--threads", "1",
                    "--eval-data", "held_out.bin", "--metrics", "metrics.jsonl", "--trace", "trace.json",
                    "--save", "model.safetensors")

    def losses(self):
        """(mean training loss of the last steps, loss on the text held out) from the metrics file."""
        with open(self.folder / "metrics.jsonl", encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        last = [row["loss"] for row in rows[-LAST_STEPS:]]
        held_out = [row["eval_loss"] for row in rows if "eval_loss" in row]
        return sum(last) / len(last), held_out[-1]


def unigram_entropy(tokens):
    """The loss, in nats a token, of the best model that knows how often each token occurs and nothing else."""
    counts = collections.Counter(tokens)
    return -sum(count * math.log(count / len(tokens)) for count in counts.values()) / len(tokens)


def main(launcher, folder):
    folder.mkdir(parents=True, exist_ok=True)
    start = Quickstart(launcher, folder)
    start.make_text()
    tokens = start.make_tokens()
    start.make_plan()
    start.cleave("explain", "gpt2.plan")
    start.train()
    start.cleave("sample", "gpt2.plan", "--weights", "model.safetensors", "--vocab-in", "vocab.json",
                 "--prompt", "In the beginning", "--tokens", "120", "--temperature", "0.8", "--top-k", "40")
    trained, held_out = start.losses()
    print(f"\nUnigram entropy of this text: {unigram_entropy(tokens):.3f} nats a token."
          f"\nLoss reached: {trained:.3f} on the text trained on, {held_out:.3f} on text held out."
          f"\nFiles in {folder}: gpt2.plan, model.safetensors, metrics.jsonl, trace.json (chrome://tracing), ...")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(pathlib.Path(sys.argv[1]).absolute(), pathlib.Path(sys.argv[2]).absolute()))
    except Failed as failure:
        say(f"cleave quickstart: {failure}")
        sys.exit(failure.code if failure.code == 130 else 1)
    except OSError as error:
        say(f"cleave quickstart: {error}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
