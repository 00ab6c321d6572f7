"""Build rules around MLIR: generated C++ from TableGen, and lit tests."""

def tablegen(name, td, outs, deps = []):
    """Generates C++ from a TableGen file.

    Args:
      name: a cc_library that carries the generated files.
      td: the TableGen file.
      outs: mlir-tblgen flags and the files that they give, such as {"-gen-op-decls": "ops.h.inc"}.
      deps: further TableGen files that td includes.
    """
    for flag, out in outs.items():
        native.genrule(
            name = name + "_" + out.replace(".", "_").replace("/", "_"),
            srcs = [td] + deps + ["@llvm//:td_files"],
            outs = [out],
            tools = ["@llvm//:mlir_tblgen"],
            cmd = "$(location @llvm//:mlir_tblgen) " + flag +
                  " -I . -I /usr/lib/llvm-22/include $(location %s) -o $@" % td,
        )
    native.cc_library(
        name = name,
        textual_hdrs = outs.values(),
    )

def lit_tests(name, srcs, tools = ["//tools:cleave-opt"]):
    """One test for each .mlir file, so that a failure names the file."""
    for src in srcs:
        native.sh_test(
            name = src[:src.rindex(".")].replace("/", "_") + "_test",
            size = "small",
            srcs = ["//tools:run_lit.sh"],
            args = ["$(location %s)" % src],
            data = [src, "//tests:lit.cfg.py"] + tools,
        )
