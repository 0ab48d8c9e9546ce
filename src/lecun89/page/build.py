"""Compile the kernel for the page: ``python -m lecun89.page.build`` (extra ``page-build``).

The two modules are package data. Whoever changes src/native or interface.cpp builds them again;
`pytest -m slow tests/page` does, and compares the bytes.
"""

import subprocess
import sys
from pathlib import Path

from lecun89.exceptions import CheckFailedError, Lecun89Error, UsageError, missing_extra

HERE = Path(__file__).parent
NATIVE = HERE.parent.parent / "native"

MODULES = {
    # Without a fused multiply-add, and nothing contracted: the bits of the SSE2 kernel.
    "kernel.wasm": ("-mcpu=generic+simd128", "-ffp-contract=off"),
    "kernel-relaxed.wasm": ("-mcpu=generic+simd128+relaxed_simd", "-ffp-contract=fast"),
}
"""The modules, and what the compiler is told for each alone."""

_FLAGS = (
    *("-target", "wasm32-wasi", "-mexec-model=reactor", "-std=c++17", "-O3", "-s"),
    *("-fno-exceptions", "-fno-rtti", "-fno-sanitize=all", "-Wall", "-Wextra", "-Werror"),
    "-DLECUN89_ISA=wasm",
)


def build(directory: Path) -> list[Path]:
    """Write the modules into a directory; minutes the first time, when zig makes its libraries.

    Raises:
        UsageError: this is no source tree.
        MissingExtraError: ziglang is not installed.
        CheckFailedError: the compiler failed.
    """
    if not (NATIVE / "simd.h").is_file():
        raise UsageError(f"{NATIVE} holds no kernel: build the page's from a source tree")
    try:
        import ziglang  # noqa: F401
    except ImportError as error:
        raise missing_extra("compiling the page's kernel", "page-build", error) from error
    return [_compile(directory / name, flags) for name, flags in MODULES.items()]


def _compile(path: Path, flags: tuple[str, ...]) -> Path:
    line = [sys.executable, "-m", "ziglang", "c++", *_FLAGS, *flags]
    # Names relative to the source, so that no path of this machine reaches the compiler.
    source = Path("..") / HERE.relative_to(NATIVE.parent) / "interface.cpp"
    done = subprocess.run(
        [*line, "-I.", "-o", str(path.resolve()), source.as_posix()],
        cwd=NATIVE,
        check=False,
    )
    if done.returncode:
        raise CheckFailedError(f"zig could not compile {source}: what it says stands above")
    path.chmod(0o644)
    return path


if __name__ == "__main__":
    try:
        for _path in build(HERE):
            print(f"{_path}: {_path.stat().st_size:,} bytes")
    except Lecun89Error as _error:
        sys.exit(f"error: {_error}")
