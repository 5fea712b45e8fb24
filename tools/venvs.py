"""Makes the environments that tests and benchmarks run in, one for each Python and leg, and prints the path of its Python.

    python tools/venvs.py 3.13 compiled [--with apps --with bench]

`.venvs/<version>-deps` holds what Penstock needs and what its tests need. Beside it stand two thin environments that see these
packages and add Penstock itself: `<version>-pure` an editable install of the tree, `<version>-compiled` an installed wheel,
built with PENSTOCK_COMPILE=require. Everything is kept while its inputs are the same; a wheel's input is each file of `src`.
"""

import argparse
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENVS = ROOT / ".venvs"
LEGS = ("compiled", "pure")
ALWAYS = ("build", "test")
SOURCE_SUFFIXES = (".py", ".pxd", ".pyx", ".h", ".typed")


class Failure(Exception):
    """An environment could not be made; the text says which command failed and ends with its output."""


def pythons() -> dict[str, str]:
    """The interpreters that `tools/pythons` finds, newest first: version -> path."""
    answer = subprocess.run(
        [ROOT / "tools/pythons"], stdout=subprocess.PIPE, text=True, check=False
    ).stdout
    return dict(line.split(" ", 1) for line in answer.splitlines())


def run(*command: str | Path, env: dict[str, str] | None = None, cwd: Path = ROOT) -> str:
    """Run a command quietly and return its output; raise Failure with the end of the output if it fails."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        said = "\n".join(done.stdout.splitlines()[-40:])
        raise Failure(f"`{' '.join(map(str, command))}` ended with {done.returncode}:\n{said}")
    return done.stdout


def sha256(paths: Iterable[Path], *more: str) -> str:
    """One hash over the names and contents of files, and over some words."""
    total = hashlib.sha256(repr(more).encode())
    for path in paths:
        total.update(f"\0{path.relative_to(ROOT)}\0".encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def package_sources() -> list[Path]:
    """Every file that a wheel is made from."""
    tree = (path for path in (ROOT / "src").rglob("*") if path.suffix in SOURCE_SUFFIXES)
    build = (
        ROOT / name
        for name in ("setup.py", "pyproject.toml", "MANIFEST.in", "LICENSE", "README.md")
    )
    return sorted(path for path in (*tree, *build) if path.is_file())


@contextmanager
def step(venv: Path, name: str, key: str) -> Iterator[bool]:
    """Yield whether a step must be done; note its key when the body ends without an error."""
    stamp = venv / f".{name}.stamp"
    todo = not stamp.exists() or stamp.read_text() != key
    if todo:
        stamp.unlink(missing_ok=True)
    yield todo
    if todo:
        stamp.write_text(key)


@contextmanager
def alone(name: str) -> Iterator[None]:
    """Only one process at a time makes environments for one Python."""
    VENVS.mkdir(exist_ok=True)
    with (VENVS / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def create(venv: Path, base: str, *options: str) -> Path:
    """An environment for this very interpreter, made anew if it was made from another; returns its Python."""
    made_from = run(base, "-c", "import sys; print(sys.version, sys.base_prefix)")
    python = venv / "bin/python"
    stamp = venv / ".base.stamp"
    if not (stamp.exists() and stamp.read_text() == made_from and python.exists()):
        shutil.rmtree(venv, ignore_errors=True)
        run(base, "-m", "venv", *options, venv)
        stamp.write_text(made_from)
    return python


def site_packages(python: Path) -> Path:
    """Where an environment keeps its packages."""
    return Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())


def dependencies() -> list[str]:
    """What the package itself needs, from pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [
        *project["dependencies"],
        *(need for extra in project.get("optional-dependencies", {}).values() for need in extra),
    ]


def make_deps(version: str, base: str, also: Iterable[str]) -> Path:
    """The environment with everything but Penstock; what was once asked for stays, and is kept up to date."""
    venv = VENVS / f"{version}-deps"
    python = create(venv, base)
    wanted = venv / ".sets.json"
    before = json.loads(wanted.read_text()) if wanted.exists() else []
    names = sorted({*ALWAYS, *before, *also})
    files = [ROOT / "requirements" / f"{name}.txt" for name in names]
    with step(venv, "deps", sha256(files, *dependencies())) as todo:
        if todo:
            say(f"{version}: installing {', '.join(names)}")
            arguments = [word for file in files for word in ("-r", str(file))]
            run(
                python,
                "-m",
                "pip",
                "install",
                "--quiet",
                "--upgrade",
                "--upgrade-strategy",
                "eager",
                "--disable-pip-version-check",
                *arguments,
                *dependencies(),
            )
            wanted.write_text(json.dumps(names))
    return python


def make_leg(version: str, leg: str, base: str, also: Iterable[str] = ()) -> Path:
    """An environment in which `import penstock` gives one leg; returns its Python."""
    with alone(version):
        deps = make_deps(version, base, also)
        venv = VENVS / f"{version}-{leg}"
        python = create(venv, base, "--without-pip")
        # addsitedir, unlike a plain line, also runs the .pth files it finds there.
        (site_packages(python) / "penstock_deps.pth").write_text(
            f"import site; site.addsitedir({str(site_packages(deps))!r})\n"
        )
        pip = (deps, "-m", "pip", "--python", python, "--disable-pip-version-check")
        if leg == "pure":
            key = sha256([ROOT / "pyproject.toml", ROOT / "setup.py"], str(ROOT))
            with step(venv, "package", key) as todo:
                if todo:
                    say(f"{version}: installing the pure leg (editable)")
                    run(
                        *pip,
                        "install",
                        "--quiet",
                        "--no-deps",
                        "--no-build-isolation",
                        "--editable",
                        ROOT,
                        env={"PENSTOCK_COMPILE": "skip"},
                    )
        else:
            key = sha256(package_sources())
            with step(venv, "package", key) as todo:
                if todo:
                    say(f"{version}: building the compiled leg")
                    wheel = build_wheel(version, deps, quick=version != next(iter(pythons())))
                    run(*pip, "install", "--quiet", "--no-deps", "--force-reinstall", wheel)
    return python


def build_wheel(version: str, python: Path, *, quick: bool) -> Path:
    """Build a compiled wheel from a copy of the sources, so that nothing is built, or left over, beside them.

    `quick`: the C compiler optimises less, which takes it half the time; nobody measures there.

    The copy keeps the time of a file that has not changed: only what has changed is compiled again.
    """
    stage = VENVS / f"{version}-build"
    # A module more or less in setup.py's lists is no reason to compile the others again; any other change there is.
    how = re.sub(
        r"^(COMPILED|NATIVE) = \(.*?\)$",
        "",
        (ROOT / "setup.py").read_text(),
        flags=re.MULTILINE | re.DOTALL,
    )
    key = sha256([ROOT / "pyproject.toml", ROOT / "requirements/build.txt"], how)
    stamp = stage / ".key.stamp"
    built = stage / ".built.stamp"
    if not (stamp.exists() and stamp.read_text() == key):
        shutil.rmtree(stage, ignore_errors=True)
        start_stage(stage, key)
        stamp.write_text(key)
    built.unlink(missing_ok=True)
    sources = {path.relative_to(ROOT): path for path in package_sources()}
    for old in [
        path
        for path in (stage / "src").rglob("*")
        if path.is_file() and path.relative_to(stage) not in sources
    ]:
        old.unlink()
    for relative, path in sources.items():
        copy = stage / relative
        content = path.read_bytes()
        if not (copy.exists() and copy.read_bytes() == content):
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(content)
    # setuptools keeps in build/lib what was deleted from src; binaries may stay, setup.py checks each.
    for old in [
        path
        for path in (stage / "build").glob("lib*/**/*")
        if path.suffix != ".so" and path.is_file()
    ]:
        old.unlink()
    shutil.rmtree(stage / "dist", ignore_errors=True)
    run(
        python,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        "dist",
        ".",
        env={"PENSTOCK_COMPILE": "require"} | ({"CFLAGS": "-O1"} if quick else {}),
        cwd=stage,
    )
    built.write_text(key)
    (wheel,) = (stage / "dist").glob("penstock-*.whl")
    return wheel


def start_stage(stage: Path, key: str) -> None:
    """Begin with what another Python's stage has translated to C, which is the same for all: sources and translations, with
    their times, by which Cython tells what is up to date."""
    for built in sorted(VENVS.glob("*-build/.built.stamp")):
        if built.read_text() == key:
            other = built.parent
            shutil.copytree(other / "src", stage / "src")
            shutil.copytree(other / "build/cython", stage / "build/cython")
            return
    stage.mkdir(parents=True)


def say(text: str) -> None:
    """Progress and its time, on stderr: stdout carries the answer alone."""
    print(f"[venvs {time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def main() -> int:
    """Make one environment and print its Python."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("version", help="3.11 … 3.14, or `newest`")
    parser.add_argument("leg", choices=(*LEGS, "deps"))
    parser.add_argument(
        "--with",
        dest="also",
        action="append",
        default=[],
        metavar="SET",
        help="also install requirements/SET.txt",
    )
    options = parser.parse_args()
    known = pythons()
    if options.version == "newest" and known:
        options.version = next(iter(known))
    if options.version not in known:
        say(f"Python {options.version} was not found; there is {', '.join(known) or 'none'}")
        return 2
    base = known[options.version]
    try:
        if options.leg == "deps":
            with alone(options.version):
                print(make_deps(options.version, base, options.also))
        else:
            print(make_leg(options.version, options.leg, base, options.also))
    except Failure as failure:
        say(str(failure))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
