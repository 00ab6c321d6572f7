"""The Python that extension modules are built for, as a repository: its headers, its path, and the tag of its wheels."""

_ASK = """
import sys, sysconfig
print(sysconfig.get_path("include"))
print("cp%d%d" % sys.version_info[:2])
print(sys.implementation.name)
"""

_BUILD = """
cc_library(
    name = "headers",
    hdrs = glob(["include/**/*.h"]),
    includes = ["include"],
    visibility = ["//visibility:public"],
)
"""

def _python_interpreter(context):
    path = context.os.environ.get("CLEAVE_PYTHON", "/usr/bin/python3")
    asked = context.execute([path, "-c", _ASK])
    if asked.return_code != 0:
        fail("requires a Python that runs, got %s:\n%s" % (path, asked.stderr))
    include, tag, implementation = asked.stdout.splitlines()
    if implementation != "cpython" or len(tag) != 5 or tag < "cp311":
        fail("requires CPython 3.11 or later, got %s %s of %s" % (implementation, tag, path))
    if not context.path(include + "/Python.h").exists:
        fail("requires the headers of %s, got none in %s" % (path, include))
    context.symlink(include, "include")
    context.file("BUILD", _BUILD)
    context.file("python.bzl", "INTERPRETER = %r\nTAG = %r\n" % (path, tag))

python_interpreter = repository_rule(
    implementation = _python_interpreter,
    environ = ["CLEAVE_PYTHON"],
    local = True,
)
