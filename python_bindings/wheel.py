"""Makes a wheel of a package with an extension module, and of all the libraries that the module needs.

Usage: wheel.py NAME VERSION EXTENSION OUTPUT PYTHON_FILE...    (OUTPUT ends with the wheel's tag)

Files go to the package NAME: PYTHON_FILE by its path behind the last folder "cleave/" or "cleave_runtime/". Libraries
go to NAME/lib and are found by rpath. The C and C++ libraries of the system are taken for granted.
"""

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

OF_THE_SYSTEM = re.compile(r"^(ld-linux.*|lib(c|m|dl|rt|pthread|resolv|stdc\+\+|gcc_s))\.so\b|^linux-vdso")
FOLDER = re.compile(r"^(.*/)?(cleave|cleave_runtime)/")


def output(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"wheel: {' '.join(command[:3])} failed: {done.stderr}")
    return done.stdout


def libraries_of(extension):
    """{name by which it is needed: path} of all libraries behind an extension module that the wheel has to bring."""
    found = {}
    for line in output("ldd", extension).splitlines():
        match = re.match(r"\s*(\S+) => (\S+) \(", line)
        if "not found" in line:
            sys.exit(f"wheel: {extension}: requires a library that is installed, got {line.strip()}")
        name = match.group(1) if match else os.path.basename(line.split()[0])
        path = match.group(2) if match else line.split()[0]
        if not OF_THE_SYSTEM.match(os.path.basename(name)):
            found[name] = os.path.realpath(path)
    return found


def bundle(extension, folder):
    """Copies an extension module into a folder, and its libraries beside it into lib/."""
    os.makedirs(os.path.join(folder, "lib"))
    libraries = libraries_of(extension)
    placed = [(extension, os.path.join(folder, "_core.so"), "$ORIGIN/lib")]
    placed += [(path, os.path.join(folder, "lib", name), "$ORIGIN") for name, path in libraries.items()]
    for source, target, rpath in placed:
        shutil.copy(source, target)
        os.chmod(target, 0o755)
        output("patchelf", "--set-rpath", rpath, target)
    return sorted(set(libraries.values()))


def licenses(paths):
    """{file name: text}: what Debian says of the origin and the license of each library."""
    texts = {}
    for path in paths:
        owner = subprocess.run(["dpkg-query", "-S", path], capture_output=True, text=True).stdout.split(":")[0]
        copyright = f"/usr/share/doc/{owner}/copyright"
        if owner and os.path.exists(copyright):
            with open(copyright, encoding="utf-8", errors="replace") as file:
                texts[f"licenses/{owner}.txt"] = file.read()
    return texts


def metadata(name, version):
    summary = "Trains one model over many devices" if name == "cleave" else "Runs the training plans that Cleave makes"
    return (f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: {version}\nSummary: {summary}\n"
            "License: Apache-2.0\nRequires-Python: >=3.11\nRequires-Dist: numpy>=1.23\n"
            "Provides-Extra: tokenizers\nRequires-Dist: tokenizers>=0.15; extra == 'tokenizers'\n")


class Wheel:
    """A zip file whose last entry lists the hashes of the others. The same content gives the same bytes."""

    def __init__(self, path):
        self._zip = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=4)
        self._records = []

    def add(self, name, content, mode=0o644):
        entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        entry.external_attr, entry.compress_type = (0o100000 | mode) << 16, zipfile.ZIP_DEFLATED
        self._zip.writestr(entry, content)
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        self._records.append(f"{name},sha256={digest},{len(content)}")

    def close(self, record):
        self._zip.writestr(zipfile.ZipInfo(record, (1980, 1, 1, 0, 0, 0)),
                           "\n".join(self._records + [f"{record},,"]) + "\n")
        self._zip.close()


def main(name, version, extension, target, *sources):
    info, tag = f"{name}-{version}.dist-info", os.path.basename(target).removesuffix(".whl").split("-", 2)[2]
    wheel = Wheel(target)
    for source in sorted(sources):
        with open(source, "rb") as file:
            wheel.add(f"{name}/{FOLDER.sub('', source)}", file.read())
    with tempfile.TemporaryDirectory() as scratch:
        folder = os.path.join(scratch, name)
        origins = bundle(extension, folder)
        for path in sorted(os.path.join(root, file) for root, _, names in os.walk(folder) for file in names):
            with open(path, "rb") as file:
                wheel.add(os.path.relpath(path, scratch), file.read(), 0o755)
    for path, text in sorted(licenses(origins).items()):
        wheel.add(f"{info}/{path}", text.encode())
    wheel.add(f"{info}/METADATA", metadata(name, version).encode())
    wheel.add(f"{info}/WHEEL", f"Wheel-Version: 1.0\nGenerator: cleave\nRoot-Is-Purelib: false\nTag: {tag}\n".encode())
    wheel.close(f"{info}/RECORD")


if __name__ == "__main__":
    main(*sys.argv[1:])
