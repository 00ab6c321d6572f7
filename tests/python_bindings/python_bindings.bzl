"""Tests of the Python package."""

def binding_test(name, args = [], data = [], size = "medium"):
    """A test by the script NAME.py under Debian's python3, which imports package cleave as it was built.

    Args:
      name: the test, and its script.
      args: the script's arguments.
      data: files that it reads.
      size: Bazel's.
    """
    script = name.split("-")[0] + ".py"
    native.sh_test(
        name = name,
        size = size,
        srcs = ["run_python.sh"],
        args = ["$(rootpath %s)" % script] + args,
        data = data + [script, "//python_bindings:cleave"] + ["support.py", "tutorial.py"],
    )
