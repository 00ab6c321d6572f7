#!/usr/bin/python3 -B
"""The launcher, with bazel, dpkg-query, apt-get and id replaced by recorders."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[3]

DPKG_QUERY = """#!/bin/bash
for package in "${@:3}"; do
  if [[ $package == "$ABSENT" ]]; then code=1; else echo "installed $package"; fi
done
exit ${code:-0}
"""
RECORD = '#!/bin/bash\necho "$(basename "$0") $*" >> "$RECORD"\n'
ID = '#!/bin/bash\necho "$FAKE_UID"\n'
PROGRAM = '#!/bin/bash\nprintf "%s|" "$(basename "$0")" "$PWD" "$@"\nexit 7\n'


class LauncherTest(unittest.TestCase):

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=os.environ.get("TEST_TMPDIR"))).resolve()
        self.addCleanup(shutil.rmtree, self.folder)
        self.checkout = self.folder / "check out"
        (self.checkout / "tools").mkdir(parents=True)
        shutil.copy(SOURCE / "cleave", self.checkout)
        shutil.copytree(SOURCE / "tools/setup", self.checkout / "tools/setup")
        shutil.copy(SOURCE / "tools/packages.txt", self.checkout / "tools")
        self.record = self.folder / "record"
        self.record.touch()
        for name, text in (("dpkg-query", DPKG_QUERY), ("apt-get", RECORD), ("bazel", RECORD), ("id", ID)):
            self.script(self.folder / "path" / name, text)
        self.environment = {
            "PATH": f"{self.folder}/path:/usr/bin:/bin",
            "HOME": str(self.folder / "home"),
            "RECORD": str(self.record),
            "FAKE_UID": "0",
            "ABSENT": "",
        }
        (self.folder / "home").mkdir()

    def script(self, path, text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def cleave(self, *arguments, launcher=None, cwd="/", **environment):
        return subprocess.run([launcher or self.checkout / "cleave", *arguments], cwd=cwd, text=True, check=False,
                              capture_output=True, env={**self.environment, **environment})

    def recorded(self, program):
        return [line for line in self.record.read_text().splitlines() if line.startswith(program + " ")]

    def build_programs(self):
        for name in ("tools/cleave-run", "tools/cleave-compile", "tests/bench/message_bench"):
            self.script(self.checkout / "bazel-bin" / name, PROGRAM)

    def test_without_root_prints_the_apt_line_and_exits_with_1(self):
        for command in ("quickstart", "test", "build", "wheel"):
            result = self.cleave(command, FAKE_UID="1000", ABSENT="libgmock-dev")
            self.assertEqual(result.returncode, 1)
            self.assertIn("apt-get update && apt-get install -y --no-install-recommends libgmock-dev\n", result.stderr)
            self.assertEqual(result.stdout, "")
            self.assertEqual(self.record.read_text(), "")

    def test_as_root_installs_only_what_is_missing_and_then_builds(self):
        result = self.cleave("build", ABSENT="libgmock-dev")
        self.assertEqual(result.returncode, 0, result.stderr)
        update, install = self.recorded("apt-get")
        self.assertTrue(update.endswith(" update"))
        self.assertTrue(install.endswith(" install -y --no-install-recommends libgmock-dev"))
        self.assertEqual(len(self.recorded("bazel build")), 1)

    def test_with_everything_installed_apt_is_not_called(self):
        self.assertEqual(self.cleave("build", FAKE_UID="1000").returncode, 0)
        self.assertEqual(self.recorded("apt-get"), [])

    def test_a_build_that_fails_ends_with_1_and_says_so(self):
        self.script(self.folder / "path" / "bazel", "#!/bin/bash\nexit 37\n")
        result = self.cleave("build")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stderr, "cleave: the build failed\n")

    def test_before_the_build_every_subcommand_names_the_command_that_builds(self):
        for command in ("compile", "train", "explain", "tokenize", "sample", "print-plan", "trace-report", "report",
                        "bench"):
            result = self.cleave(command)
            self.assertEqual(result.returncode, 1, command)
            self.assertIn("run ./cleave build first", result.stderr)
            self.assertEqual(self.record.read_text(), "", "subcommands never build")

    def test_subcommands_run_in_the_callers_folder_with_arguments_and_exit_code_kept(self):
        self.build_programs()
        link = self.folder / "link"
        link.symlink_to(self.checkout / "cleave")
        result = self.cleave("train", "a b", "--steps=1", "", launcher=link, cwd=self.folder)
        self.assertEqual(result.stdout, f"cleave-run|{self.folder}|train|a b|--steps=1||")
        self.assertEqual(result.returncode, 7)
        result = self.cleave("compile", "m", launcher="./cleave", cwd=self.checkout)
        self.assertEqual(result.stdout, f"cleave-compile|{self.checkout}|compile|m|")

    def test_bench_runs_the_named_benchmark_and_lists_them_where_the_name_is_unknown(self):
        self.build_programs()
        self.assertTrue(self.cleave("bench", "message").stdout.startswith("message_bench|"))
        result = self.cleave("bench", "massage")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stderr, "cleave: bench: requires one of message, got massage\n")

    def test_unknown_flags_of_the_launcher_end_with_2(self):
        for command in ("quickstart", "test", "build", "wheel", "bench"):
            result = self.cleave(command, "--sanitise")
            self.assertEqual(result.returncode, 2)
            self.assertIn("--sanitise", result.stderr)

    def test_wheels_of_a_python_are_copied_to_dist_and_their_paths_printed(self):
        debians = subprocess.run(["/usr/bin/python3", "-c", 'import sys; print("cp%d%d" % sys.version_info[:2])'],
                                 stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
        self.script(self.folder / "path" / "python9.9", "#!/bin/bash\necho cp99\n")
        for tag in (debians, "cp99"):
            for name in (f"cleave-1-{tag}-x.whl", f"cleave_runtime-1-{tag}-x.whl"):
                self.script(self.checkout / "bazel-bin/python_bindings" / name, name)
        for tag, arguments in ((debians, []), ("cp99", ["python9.9"])):
            result = self.cleave("wheel", *arguments)
            self.assertEqual(result.returncode, 0, result.stderr)
            copies = [pathlib.Path(line) for line in result.stdout.splitlines()]
            self.assertEqual([copy.read_text() for copy in copies],
                             [f"cleave-1-{tag}-x.whl", f"cleave_runtime-1-{tag}-x.whl"])
            self.assertEqual({copy.parent for copy in copies}, {self.checkout / "dist"})
        self.assertIn(f"--repo_env=CLEAVE_PYTHON={self.folder}/path/python9.9", self.recorded("bazel build")[-1])
        self.assertIn("requires a Python, got python8.8", self.cleave("wheel", "python8.8").stderr)

    def test_help_goes_to_stdout_with_and_without_a_build(self):
        self.assertIn("./cleave quickstart", self.cleave("--help").stdout)
        self.assertIn("./cleave quickstart", self.cleave().stdout)
        self.build_programs()
        self.assertEqual(self.cleave("--help").stdout, "cleave-run|/|--help|")
        self.assertEqual(self.cleave("test", "--help").stdout, "cleave-run|/|test|--help|")

    def test_tests_end_with_a_failure_where_bazel_fails_without_saying_why(self):
        self.script(self.folder / "path" / "bazel", "#!/bin/bash\nexit 1\n")
        result = self.cleave("test")
        self.assertEqual(result.stdout, "0 passed, 1 failed\n")
        self.assertEqual(result.returncode, 1)

    def test_the_server_is_shut_down_in_continuous_integration_only(self):
        self.cleave("test", CI="true")
        self.assertEqual(self.recorded("bazel")[-1], "bazel shutdown")
        self.record.write_text("")
        self.cleave("test")
        self.assertNotIn("bazel shutdown", self.recorded("bazel"))

    def test_sanitizers_run_tagged_suites_under_both_configurations(self):
        self.cleave("test", "--sanitize", "//actors/...")
        tests = self.recorded("bazel test")
        self.assertEqual(len(tests), 2)
        for configuration, line in zip(("asan", "tsan"), tests):
            self.assertIn(f"--config={configuration} --test_tag_filters=sanitize", line)
            self.assertTrue(line.endswith(" //actors/..."))

    def test_links_to_another_output_folder_are_removed_before_a_build(self):
        self.script(self.folder / "path" / "bazel", '#!/bin/bash\n[[ $1 != info ]] || echo /outputs/mine\n')
        (self.checkout / "bazel-bin").symlink_to("/outputs/mine/bin")
        (self.checkout / "bazel-main").symlink_to("/outputs/other/execroot")
        self.assertEqual(self.cleave("build").returncode, 0)
        self.assertEqual([path.name for path in self.checkout.glob("bazel-*")], ["bazel-bin"])

    def test_a_home_that_cannot_be_written_is_replaced(self):
        result = self.cleave("build", HOME="/dev/null/home", TMPDIR=str(self.folder))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn(f"--disk_cache={self.folder}/cleave-0/bazel", self.recorded("bazel")[-1])
        self.assertIn(f"--output_user_root={self.folder}/cleave-0/output build", self.recorded("bazel")[-1])


if __name__ == "__main__":
    unittest.main()
