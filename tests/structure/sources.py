"""What the tests of the structure read: files, include lines, and edges of BUILD files."""

import ast
import os
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]

CODE = {".cc", ".h", ".td", ".py", ".bzl", ".sh", ".proto"}
SKIPPED = re.compile(r"^(\..*|bazel-.*|__pycache__|quickstart-out|dist)$")

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)


def files():
    """All files of the checkout but hidden ones, outputs and the folders of fixtures, relative to its root."""
    for folder, folders, names in os.walk(ROOT):
        holds_fixtures = pathlib.Path(folder).name == "fixtures"
        folders[:] = [] if holds_fixtures else sorted(name for name in folders if not SKIPPED.match(name))
        for name in sorted(names):
            if not SKIPPED.match(name):
                yield (pathlib.Path(folder) / name).relative_to(ROOT)


def is_code(path):
    return path.suffix in CODE or path.name == "BUILD" or path.suffix == ".BUILD" or path.name == "cleave"


def text(path):
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


def includes(source):
    """The headers that a C++ or TableGen text includes, each with its line."""
    for match in INCLUDE.finditer(source):
        yield match.group(1) or match.group(2), source.count("\n", 0, match.start(0)) + 1


def build_edges(source):
    """(target, label) for each entry of deps in a BUILD file's text."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        arguments = {keyword.arg: keyword.value for keyword in node.keywords}
        name = arguments.get("name")
        target = name.value if isinstance(name, ast.Constant) else "?"
        for field in ("deps", "runtime_deps", "implementation_deps"):
            for leaf in ast.walk(arguments.get(field, ast.Constant(value=None))):
                if isinstance(leaf, ast.Constant) and isinstance(leaf.value, str):
                    yield target, leaf.value
