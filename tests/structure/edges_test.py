#!/usr/bin/python3 -B
"""Who may include whom. An edge that breaks a rule is printed with its file and line."""

import unittest

from sources import ROOT, build_edges, files, includes, is_code, text

# What a room may use, besides itself. kernels/* stands for each backend: checks are shared, backends are linked and
# never included.
MAY_USE = {
    "ir": [],
    "frontend": ["ir"],
    "passes": ["ir", "runtime/plan", "kernels/api"],
    "runtime": ["actors", "kernels/api"],
    "actors": ["kernels/api"],
    "kernels/api": [],
    "kernels/*": ["kernels/api", "kernels/checks"],
    "python_bindings": ["frontend", "passes", "runtime", "ir", "kernels", "tools/pages"],
    "tools": ["frontend", "ir", "passes", "runtime", "actors", "kernels"],
    "tests": ["frontend", "ir", "passes", "runtime", "actors", "kernels", "tools", "python_bindings"],
}
# What a target may link in addition, without including it: it defines what a header of kernels/api declares.
MAY_LINK = {"runtime": ["kernels/collectives"]}
ROOMS = ("ir", "frontend", "passes", "runtime", "actors", "kernels", "python_bindings", "tools", "tests")

# Libraries that stop somewhere: how their headers and targets begin, and where they may be used.
STOPS = [
    (("mlir/", "llvm/", "@llvm//"), ("ir/", "frontend/", "passes/", "tools/", "tests/", "python_bindings/")),
    (("google/protobuf/", "runtime/plan/plan.pb.h", "//tools/third_party:protobuf"),
     ("runtime/plan/", "runtime/load_plan", "passes/emit/", "passes/pipeline", "tools/", "tests/")),
    (("cuda", "cublas", "cudnn", "nccl.h"), ("kernels/cuda/", "tests/kernels/cuda/")),
]


def room_of(path):
    """ "runtime/plan/program.h" -> "runtime"; kernels have a room for each folder; None for what is not ours."""
    parts = path.split("/")
    if parts[0] not in ROOMS or len(parts) < 2:
        return None
    return f"kernels/{parts[1]}" if parts[0] == "kernels" else parts[0]


def offence(user, used):
    """Why the file or package `user` must not use the path `used`, or None."""
    for beginnings, places in STOPS:
        if used.startswith(beginnings) and not user.startswith(places):
            return f"only {', '.join(places)} may"
    linked = []
    if used.startswith("//"):
        used = used[2:].replace(":", "/")
        linked = MAY_LINK.get(room_of(user), [])
    home, room = room_of(user), room_of(used + "/")
    if home is None or room is None or home == room or used.startswith("tools/third_party"):
        return None
    allowed = MAY_USE.get(home, MAY_USE["kernels/*"] if home.startswith("kernels/") else [])
    if any(used == path or used.startswith(path + "/") for path in allowed + linked):
        return None
    return f"{home} may use {', '.join(allowed) or 'only itself'}"


class EdgesTest(unittest.TestCase):

    def test_every_include_goes_where_the_house_allows(self):
        offences, seen = [], 0
        for path in files():
            if path.suffix not in (".cc", ".h", ".td"):
                continue
            for header, line in includes(text(path)):
                seen += 1
                why = offence(str(path), header)
                if why:
                    offences.append(f"{path}:{line}: includes {header}, but {why}")
        self.assertGreater(seen, 100, "the scan found the sources")
        self.assertEqual(offences, [], "\n" + "\n".join(offences))

    def test_every_dependency_of_a_target_goes_where_the_house_allows(self):
        offences, seen = [], 0
        for path in files():
            if path.name != "BUILD" or not is_code(path):
                continue
            package = str(path.parent)
            for target, label in build_edges(text(path)):
                seen += 1
                why = offence(package + "/", label)
                if why:
                    offences.append(f"//{package}:{target}: depends on {label}, but {why}")
        self.assertGreater(seen, 50, "the scan found the BUILD files")
        self.assertEqual(offences, [], "\n" + "\n".join(offences))

    def test_the_top_level_has_only_the_rooms_of_the_house(self):
        known = {*ROOMS, "BUILD", "WORKSPACE", "README.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE", "cleave"}
        self.assertEqual({path.parts[0] for path in files()} - known, set())

    def test_broken_edges_are_seen(self):
        for user, used in (
                ("kernels/cpu/matmul.cc", "kernels/reference/matmul.h"),
                ("kernels/api/registry.cc", "actors/actor.h"),
                ("actors/actor.cc", "runtime/session.h"),
                ("runtime/session.cc", "ir/cleave.h"),
                ("runtime/session.cc", "llvm/Support/Error.h"),
                ("runtime/", "@llvm//:mlir"),
                ("runtime/training/", "//tools/third_party:protobuf"),
                ("passes/", "//runtime"),
                ("passes/place/rules.cc", "runtime/session.h"),
                ("frontend/", "//passes"),
                ("ir/", "//kernels/api"),
                ("runtime/", "//kernels/cpu"),
                ("runtime/session.cc", "kernels/collectives/exchange.h"),
                ("tools/cli/help.cc", "tests/runtime/temporary_folder.h"),
                ("kernels/cpu/matmul.cc", "cublasLt.h"),
        ):
            self.assertIsNotNone(offence(user, used), f"{user} -> {used}")

    def test_right_edges_are_let_through(self):
        for user, used in (
                ("kernels/cpu/matmul.cc", "kernels/checks/checks.h"),
                ("passes/", "//runtime/plan:plan_proto"),
                ("passes/emit/emit_plan.cc", "runtime/plan/plan.pb.h"),
                ("runtime/", "//tools/third_party:json"),
                ("runtime/", "//kernels/collectives"),
                ("tools/", "//kernels/cpu"),
                ("actors/actor.cc", "vector"),
        ):
            self.assertIsNone(offence(user, used), f"{user} -> {used}")


if __name__ == "__main__":
    print(f"reads {ROOT.name}")
    unittest.main()
