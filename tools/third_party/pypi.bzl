"""Packages of PyPI as repositories: pip fetches one wheel, whose hash is known, once for each output folder."""

def _pypi_package(context):
    context.file("requirements.txt", "%s --hash=sha256:%s\n" % (context.attr.requirement, context.attr.sha256))
    arguments = ["/usr/bin/python3", "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    arguments += ["--only-binary=:all:", "--disable-pip-version-check", "-r", "requirements.txt", "-d", "wheel"]
    fetched = context.execute(arguments)
    if fetched.return_code != 0:
        fail("pip could not fetch %s:\n%s" % (context.attr.requirement, fetched.stderr))
    wheel = context.path("wheel").readdir()[0]
    unpacked = context.execute(["/usr/bin/python3", "-m", "zipfile", "-e", str(wheel), "."])
    if unpacked.return_code != 0:
        fail("could not unpack %s:\n%s" % (wheel, unpacked.stderr))
    context.symlink(context.attr.build_file, "BUILD")

pypi_package = repository_rule(
    implementation = _pypi_package,
    attrs = {
        "build_file": attr.label(mandatory = True, doc = "what is built of the unpacked wheel"),
        "requirement": attr.string(mandatory = True, doc = "name==version"),
        "sha256": attr.string(mandatory = True, doc = "of the wheel"),
    },
    environ = ["PIP_INDEX_URL", "PIP_CONFIG_FILE"],
)
