"""Sweep files as editors, shells and people leave them."""

import codecs
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Result

TEXT = '# größer\nlr = [0.01, 0.03]\r\nseeds = "0..1"\npasses = 1\n'

READ = {
    "UTF-8": TEXT.encode(),
    "UTF-8 with a mark": TEXT.encode("utf-8-sig"),
    "UTF-16 of PowerShell": TEXT.encode("utf-16-le").join((codecs.BOM_UTF16_LE, b"")),
    "UTF-16, big end first": TEXT.encode("utf-16-be").join((codecs.BOM_UTF16_BE, b"")),
    "UTF-32": TEXT.encode("utf-32-le").join((codecs.BOM_UTF32_LE, b"")),
    "one [[grid]]": b"[[grid]]\n" + TEXT.encode(),
    "one [grid]": b"[grid]\n" + TEXT.encode(),
    "shared values": b'passes = 1\n[[grid]]\nlr = [0.01, 0.03]\nseeds = "0..1"\n',
}

REFUSED = [
    ("nothing", b"", 2, "names nothing to train: write what to vary, as lr = [0.01, 0.03]"),
    ("only a mark", codecs.BOM_UTF8, 2, "names nothing to train"),
    ("only a mark of UTF-16", codecs.BOM_UTF16_LE, 2, "names nothing to train"),
    ("only comments", b"# lr = [0.01]\n\n", 2, "names nothing to train"),
    ("an empty [grid]", b"[grid]\n", 2, "grid names nothing to train"),
    ("an empty [[grid]]", b"[[grid]]\n", 2, "grid names nothing to train"),
    ("an empty one of two", b"[[grid]]\nlr = 1\n[[grid]]\n", 2, "grid names nothing to train"),
    ("an empty one with shared values", b"passes = 1\n[grid]\n", 2, "grid names nothing to train"),
    ("grid = []", b"grid = []", 2, "grid names nothing to train"),
    ("grid = [] with shared values", b"passes = 1\ngrid = []", 2, "grid names nothing to train"),
    ("an empty list", b"lr = []\npasses = 1\n", 2, "lr is an empty list: give its values"),
    ("no seeds", b"seeds = []\n", 2, "seeds is an empty list"),
    ("a misspelt key", b"learning-rate = 1\n", 2, "unknown key 'learning-rate'"),
    ("grid = 3", b"grid = 3", 1, "write [[grid]]"),
    ("a table in a table", b"[grid.lr]\nmin = 1\n", 1, "lr is neither a value nor a list"),
    ("UTF-16 without a mark", TEXT.encode("utf-16-le"), 1, "not text in UTF-8; save it"),
    ("half of a UTF-16 character", codecs.BOM_UTF16_LE + b"l", 1, "not text in UTF-8; save it"),
    ("Latin-1", TEXT.encode("latin-1"), 1, "not text in UTF-8; save it"),
    ("random bytes", bytes(range(256)), 1, "not text in UTF-8; save it"),
    ("an HTML page", b"<!DOCTYPE html>\n<html></html>", 1, "it is an HTML page"),
    ("a Git LFS pointer", b"version https://git-lfs.github.com/spec/v1\n", 1, "a Git LFS pointer"),
    ("a zip archive", b"PK\x03\x04\x14\0\0\0\xff", 1, "it is a zip archive"),
    ("JSON", b'{"lr": [0.1]}', 1, "is not TOML"),
    ("YAML", b"lr:\n  - 0.1\n", 1, "is not TOML"),
]


@pytest.mark.parametrize("name", READ)
def test_one_file_is_the_same_sweep_however_it_is_saved(
    name: str, cli: Callable[..., Result]
) -> None:
    Path("grid.toml").write_bytes(READ[name])
    result = cli("sweep", "grid.toml", "--dry-run", "--json")
    assert result.exit_code == 0, result.stderr
    cells = [(cell["lr"], cell["seed"], cell["passes"]) for cell in result.document["cells"]]
    assert cells == [(lr, seed, 1) for lr in (0.01, 0.03) for seed in (0, 1)]


@pytest.mark.parametrize(
    ("name", "content", "code", "words"), REFUSED, ids=lambda one: str(one)[:30]
)
@pytest.mark.parametrize("more", [(), ("--dry-run",)], ids=["train", "dry-run"])
def test_what_is_no_sweep_is_refused_in_one_line(
    name: str,
    content: bytes,
    code: int,
    words: str,
    more: tuple[str, ...],
    cli: Callable[..., Result],
) -> None:
    Path("grid.toml").write_bytes(content)
    result = cli("sweep", "grid.toml", *more)
    assert (result.exit_code, result.stdout) == (code, ""), name
    assert words in result.error
    assert "grid.toml" in result.error or "unknown key" in result.error
    assert [path.name for path in Path().iterdir()] == ["grid.toml"]
