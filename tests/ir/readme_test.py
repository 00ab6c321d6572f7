#!/usr/bin/python3
"""What ir/README.md shows is what the compiler does.

  readme_test.py README cleave-opt cleave-compile
"""

import os
import re
import subprocess
import sys


def run(arguments, text=None):
    done = subprocess.run(arguments, input=text, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit("%s fails:\n%s\n%s" % (" ".join(arguments), done.stderr, text or ""))
    return done.stdout


def plain(text):
    """Without the marks that the page leaves out."""
    mark = r'cleave\.(name|reason|layer|phase|done) = ("[^"]*"|#cleave\.layer<[^>]*>)'
    text = re.sub(r", " + mark, "", text)
    text = re.sub(mark + r", ", "", text)
    text = re.sub(r" \{" + mark + r"\}", "", text)
    return re.sub(r"module attributes \{[^\n]*\} \{", "module {", text)


def main():
    readme, opt, compiler = sys.argv[1:]
    with open(readme, encoding="utf-8") as file:
        blocks = re.findall(r"```mlir\n(.*?)```", file.read(), re.DOTALL)
    if len(blocks) != 4:
        raise SystemExit("requires a program, two forms of it and a model, got %d blocks" % len(blocks))
    program, placed, partitioned, model = blocks
    to_place = ["--cleave-normalize", "--cleave-place"]
    for passes, shown in ((to_place, placed), (to_place + ["--cleave-partition"], partitioned)):
        seen, expected = plain(run([opt] + passes, program)), run([opt], shown)
        if seen != expected:
            raise SystemExit("%s gives\n%s\nwhere the page shows\n%s" % (" ".join(passes), seen, expected))
    folder = os.environ["TEST_TMPDIR"]
    with open(os.path.join(folder, "words.mlir"), "w", encoding="utf-8") as file:
        file.write(model)
    plan = os.path.join(folder, "words.plan")
    run([compiler, "compile", os.path.join(folder, "words.mlir"), "-o", plan, "--mesh", "data=2,model=2"])
    if os.path.getsize(plan) == 0:
        raise SystemExit("the model of the page gives an empty plan")


if __name__ == "__main__":
    main()
