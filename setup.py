"""The build: which modules are compiled, how, and what happens when they cannot be.

PENSTOCK_COMPILE steers it: `auto` (default) compiles and falls back to a pure build with a warning, `require` fails where
`auto` falls back, `skip` does not try. All or none: one failure, of Cython or of the C compiler, and nothing compiled is
installed. Nothing is ever built beside its source: a binary there would win over the edited file, silently.
"""

import hashlib
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).parent
MODES = ("auto", "require", "skip")

# One source, two legs: each is plain Python with a .pxd beside it. A module gets here with its measured gain.
COMPILED = (
    "penstock.wire.events",
    "penstock.wire.hpack",
    "penstock.wire.http1",
    "penstock.wire.http1_response",
    "penstock.wire.http1_steer",
    "penstock.wire.http2",
    "penstock.wire.http2_budget",
    "penstock.wire.http2_control",
    "penstock.wire.http2_end",
    "penstock.wire.http2_framing",
    "penstock.wire.http2_head",
    "penstock.wire.http2_limits",
    "penstock.wire.http2_sending",
    "penstock.wire.http2_session",
    "penstock.wire.priority",
    "penstock.wire.websocket",
    "penstock.gateway.environ",
    "penstock.gateway.http",
    "penstock.gateway.http_response",
    "penstock.gateway.scope",
    "penstock.gateway.stream",
    "penstock.gateway.websocket",
    "penstock.gateway.websocket_wire",
    "penstock.gateway.waiters",
    "penstock.gateway.wsgi",
    "penstock.gateway.wsgi_call",
    "penstock.gateway.wsgi_headers",
    "penstock.gateway.wsgi_input",
    "penstock.transport.http1",
    "penstock.transport.http1_input",
    "penstock.transport.http1_log",
    "penstock.transport.http1_output",
    "penstock.transport.http2",
    "penstock.transport.http2_answer",
    "penstock.transport.http2_input",
    "penstock.transport.http2_log",
    "penstock.transport.http2_output",
    "penstock.transport.http2_shared",
    "penstock.transport.http2_stream",
    "penstock.transport.record",
    "penstock.transport.runtime",
    "penstock.transport.tls_layer",
    "penstock.transport.worker",
    "penstock.observe.access",
    "penstock.observe.access_details",
    "penstock.observe.access_json",
)
# Leaves with two twins: the pure ones have the same name with .py (gateway/_drive.pyx: drive.py), and fuzzing holds them equal.
NATIVE = (
    "penstock.wire.blocks",
    "penstock.wire.fields",
    "penstock.wire.huffman",
    "penstock.wire.http2_fields",
    "penstock.wire.http2_pack",
    "penstock.wire.mask",
    "penstock.wire.scan",
    "penstock.gateway._drive",
    "penstock.gateway.awaitable",
    "penstock.transport.direct",
    "penstock.observe.json_line",
)

DIRECTIVES = {
    "language_level": "3",
    # The .pxd says what is a C type. Annotations are for readers and mypy: `int` there must stay a Python integer.
    "annotation_typing": False,
    # What peers send is indexed everywhere: a wrong index must be an IndexError in both legs, never a read past the end.
    "boundscheck": True,
    "wraparound": True,
    "cdivision": False,
    # Docstrings read the same in both legs.
    "embedsignature": False,
    # inspect, functools and frameworks look at what they are given; a compiled coroutine must be seen as one.
    "binding": True,
    "auto_pickle": False,
    "emit_code_comments": False,
}


def compile_mode() -> str:
    """The value of PENSTOCK_COMPILE; anything but the three words ends the build."""
    mode = os.environ.get("PENSTOCK_COMPILE", "auto")
    if mode not in MODES:
        raise SystemExit(f"PENSTOCK_COMPILE is {mode!r}; it must be one of {', '.join(MODES)}")
    return mode


def sources_of(name: str) -> list[Path]:
    """What the binary of a module is made from, relative to the root, the file to compile first."""
    stem = Path("src", *name.split("."))
    suffixes = (".pyx", ".pxd") if name in NATIVE else (".py", ".pxd")
    found = [stem.with_suffix(suffix) for suffix in suffixes]
    return [path for path in found if (ROOT / path).exists()]


def digest(name: str) -> str:
    """SHA-256 over the sources of a module; `tests/test_leg.py` compares it with the tree it runs on."""
    return hashlib.sha256(
        b"\0".join((ROOT / path).read_bytes() for path in sources_of(name))
    ).hexdigest()


def extensions() -> list[Extension]:
    """One extension for each compiled module, uncythonized. What CFLAGS says comes last, and so wins."""
    flags = ["/O2"] if sys.platform == "win32" else ["-O3", "-g0"]
    flags += os.environ.get("CFLAGS", "").split()
    return [
        Extension(name, [str(sources_of(name)[0])], extra_compile_args=flags)
        for name in (*COMPILED, *NATIVE)
    ]


class AllOrNone(build_ext):  # type: ignore[misc]  # setuptools ships no types
    """Compiles every module or leaves none behind."""

    parallel: int | bool | None
    extensions: list[Extension]

    def finalize_options(self) -> None:
        """Use all cores for the C compiler unless told otherwise."""
        super().finalize_options()
        if self.parallel is None:
            self.parallel = os.cpu_count() or 1

    def run(self) -> None:
        """Compile; on a failure fall back to a pure build or end, as the mode says.

        Raises SystemExit in mode `require`, so that every front end sees an exit code other than 0.
        """
        try:
            if self.editable_mode or self.inplace:
                raise RuntimeError(
                    "nothing is compiled beside its source: install without --editable or --inplace"
                )
            if platform.python_implementation() != "CPython":
                raise RuntimeError(f"{platform.python_implementation()} runs the pure leg")
            self._cythonize()
            super().run()
            missing = [path.name for path in self._binaries() if not path.exists()]
            if missing:
                raise RuntimeError(
                    f"the compiler reported no error but left out {', '.join(missing)}"
                )
        except Exception as error:
            self._remove_binaries()
            reason = f"{type(error).__name__}: {error}"
            if compile_mode() == "require":
                raise SystemExit(
                    f"PENSTOCK_COMPILE=require, but nothing was compiled: {reason}"
                ) from error
            self.warn(f"penstock: building the pure leg, nothing was compiled: {reason}")
            self._become_pure()
        else:
            self._manifest().write_text(
                json.dumps({ext.name: digest(ext.name) for ext in self.extensions}, indent=1) + "\n"
            )

    def _cythonize(self) -> None:
        from Cython.Build import cythonize
        from Cython.Compiler import Options

        # Whoever requires the compiled leg wants to hear of every doubt; a user's build must not fail over a warning
        # that a later Cython adds.
        Options.warning_errors = compile_mode() == "require"
        translated = cythonize(
            self.extensions,
            compiler_directives=DIRECTIVES,
            include_path=["src"],
            build_dir=str(Path(self.build_temp).parent / "cython"),
            quiet=True,
            # Workers are forked: elsewhere they would have to import this file, which runs the build.
            nthreads=os.cpu_count() or 1 if sys.platform == "linux" else 0,
        )
        by_name = {ext.name: ext for ext in translated}
        for ext in self.extensions:
            ext.sources = by_name[ext.name].sources
            ext.depends = by_name[ext.name].depends

    def _binaries(self) -> list[Path]:
        return [Path(self.build_lib, self.get_ext_filename(ext.name)) for ext in self.extensions]

    def _manifest(self) -> Path:
        return Path(self.build_lib, "penstock", "_compiled.json")

    def _remove_binaries(self) -> None:
        for path in (*self._binaries(), self._manifest()):
            path.unlink(missing_ok=True)

    def _become_pure(self) -> None:
        """Let the wheel say what it is: without extensions it is tagged py3-none-any."""
        self.extensions = []
        self.distribution.ext_modules = []
        wheel: Any = self.distribution.get_command_obj("bdist_wheel", create=False)
        if wheel is not None:
            wheel.root_is_pure = True


if __name__ == "__main__":
    setup(
        ext_modules=[] if compile_mode() == "skip" else extensions(),
        cmdclass={"build_ext": AllOrNone},
    )
