"""Tests that run the driver's programs."""

def driver_test(name, script, args = [], data = [], tags = []):
    """A test by a Python script of this folder (Debian's python3, its standard library only).

    Args:
      name: the test.
      script: the script; it finds the programs by CLEAVE_COMPILE and CLEAVE_RUN.
      args: its arguments.
      data: files that it reads.
      tags: of the test.
    """
    native.sh_test(
        name = name,
        size = "medium",
        srcs = ["run_script.sh"],
        tags = tags,
        args = ["$(rootpath %s)" % script] + args,
        data = data + [
            script,
            "driver.py",
            "//tools:cleave-compile",
            "//tools:cleave-run",
        ],
        env = {
            "CLEAVE_COMPILE": "$(rootpath //tools:cleave-compile)",
            "CLEAVE_RUN": "$(rootpath //tools:cleave-run)",
        },
    )
