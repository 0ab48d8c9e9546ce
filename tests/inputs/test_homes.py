"""Users without a home, or with one that cannot be written; and ~ where no shell expands it."""

import importlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lecun89.data import DATA, NOWHERE, default_data_dir, prepare, why_not_kept
from lecun89.exceptions import UsageError
from lecun89.parsing import expand_home
from tests.conftest import PATIENCE, Result

posix = pytest.mark.skipif(os.name == "nt", reason="Windows tells homes by other means")
directory = importlib.import_module("lecun89.data.directory")

Home = Callable[[str], None]
NO_HOME = "neither HOME nor XDG_CACHE_HOME names a directory"
NAMED = "name a data directory with --data-dir or LECUN89_DATA_DIR"


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Home]:
    """Makes the home of the user what a word says; temporary directories go to ``tmp``."""
    for name in ("LECUN89_DATA_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    directory._temporary_directory.cache_clear()

    def unknown(uid: int) -> None:
        raise KeyError(uid)

    def make(kind: str) -> None:
        if kind == "unset, and the user is unknown":
            monkeypatch.delenv("HOME")
            monkeypatch.setattr("pwd.getpwuid", unknown)
        elif kind == "is a file":
            Path("file").touch()
            monkeypatch.setenv("HOME", str(Path("file").resolve()))
        elif kind == "below a file":
            Path("file").touch()
            monkeypatch.setenv("HOME", str(Path("file").resolve() / "home"))
        elif kind == "not writable":
            Path("home").mkdir()
            monkeypatch.setenv("HOME", str(Path("home").resolve()))
            monkeypatch.setattr(directory.os, "access", lambda path, mode: False)
        else:
            monkeypatch.setenv("HOME", {"empty": "", "relative": "some/where"}[kind])

    yield make
    directory._temporary_directory.cache_clear()


HOMES = [
    ("unset, and the user is unknown", NO_HOME),
    ("empty", NO_HOME),
    ("relative", NO_HOME),
    ("is a file", "file is no directory"),
    ("below a file", "file is no directory"),
    ("not writable", "home is not writable"),
]
STORED = [
    ("prepare", "nowhere to keep 1989"),
    ("prepare --verify", "nowhere to keep 1989"),
    ("prepare --data full --source .", "nowhere to keep full"),
    ("teach", "nowhere to keep full"),
    ("train --data usps", "nowhere to keep usps"),
    ("train --data usps-tune --seeds 0..1", "nowhere to keep usps-tune"),
    ("eval record --data usps", "nowhere to keep usps"),
    ("ladder --data usps --variants base --seeds 0", "nowhere to keep usps"),
    ("sweep --grid data=1989,usps --grid passes=1", "nowhere to keep usps"),
]


@posix
@pytest.mark.parametrize(("kind", "reason"), HOMES, ids=[kind for kind, _ in HOMES])
def test_without_a_home_digits_go_to_one_temporary_directory(
    kind: str, reason: str, home: Home, cli: Callable[..., Result]
) -> None:
    home(kind)
    first = cli("train", "--passes", 1, "--batch-size", "full", "--json")
    assert first.exit_code == 0, first.stderr
    told = [line for line in first.stderr.splitlines() if "temporary directory" in line]
    assert len(told) == 1
    assert reason in told[0]
    assert NAMED in told[0]
    second = cli("eval", first.document["run"], "--json")
    assert second.exit_code == 0
    assert second.stderr == ""  # the same process has said it
    assert [path.name[:8] for path in Path("tmp").iterdir()] == ["lecun89-"]
    assert {path.name for path in Path().iterdir()} <= {"tmp", "runs", "file", "home"}
    doctor = cli("doctor")
    assert doctor.exit_code == 0
    assert " ".join(reason.split()[-3:]) in " ".join(doctor.stdout.split())
    told_by_json = cli("doctor", "--json").document["data"]
    assert reason in told_by_json["problem"]
    assert told_by_json["sets"] == dict.fromkeys(DATA, "absent")


@posix
@pytest.mark.parametrize("line", [line for line, _ in STORED])
@pytest.mark.parametrize("kind", ["empty", "is a file"])
def test_what_must_be_stored_is_refused_with_the_way_out(
    kind: str, line: str, home: Home, cli: Callable[..., Result]
) -> None:
    home(kind)
    result = cli(*line.split())
    assert (result.exit_code, result.stdout) == (4, "")
    assert dict(STORED)[line] in result.error
    assert dict(HOMES)[kind] in result.error
    assert NAMED in result.error
    assert not list(Path("tmp").iterdir())


@posix
def test_every_command_that_stores_nothing_works_without_a_home(
    home: Home, cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    home("unset, and the user is unknown")

    def measure(*args: object) -> None:
        raise UsageError("here it would measure")

    monkeypatch.setattr("lecun89.bench.Session.measure", measure)
    for line, code in (
        ("errors record --out errors --no-terminal", 0),
        ("eval record --split all -q", 0),
        ("train --passes 1 --batch-size full -q", 0),
        ("train --passes 1 --batch-size full --resume nowhere", 1),
        ("variants", 0),
        ("explain -q", 0),
        ("export record", 0),
        ("doctor", 0),
        ("bench --quick", 2),
    ):
        result = cli(*line.split())
        assert result.exit_code == code, (line, result.stderr)
    assert result.error == "here it would measure"
    assert len(list(Path("tmp").iterdir())) == 1


@posix
@pytest.mark.parametrize("kind", ["not writable"])
def test_what_is_ready_in_a_home_that_is_only_read_is_used(
    kind: str, home: Home, cli: Callable[..., Result]
) -> None:
    home(kind)
    where = default_data_dir()
    prepare("1989", where)
    result = cli("eval", "record")
    assert result.exit_code == 0
    assert "temporary" not in result.stderr
    assert cli("prepare").stdout.endswith(f"ready in {where / '1989'}\n")
    assert cli("prepare", "--verify").exit_code == 0
    assert not list(Path("tmp").iterdir())
    (where / "1989" / "test.safetensors").unlink()
    assert "temporary" in cli("eval", "record").stderr
    assert not (where / "1989" / "test.safetensors").exists()


@posix
def test_a_directory_that_was_named_is_not_replaced_by_another(
    home: Home, cli: Callable[..., Result]
) -> None:
    home("is a file")
    result = cli("eval", "record", "--data-dir", "file")
    assert result.exit_code == 4
    assert "cannot write the digits to file/1989" in result.error
    assert "another directory with --data-dir" in result.error
    assert not list(Path("tmp").iterdir())


@posix
def test_without_a_temporary_directory_either_it_is_one_line(
    home: Home, cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    home("empty")
    Path("none").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(Path("none").resolve()))
    result = cli("train")
    assert result.exit_code == 4
    assert f"nowhere to prepare digits: {NO_HOME}; Not a directory; {NAMED}" in result.error
    assert cli("variants").exit_code == 0


HOMELESS = """
import os, pwd, sys
def unknown(uid): raise KeyError(uid)
pwd.getpwuid = unknown
for name in ("HOME", "XDG_CACHE_HOME", "USER", "LOGNAME", "LNAME", "USERNAME", "LECUN89_DATA_DIR"):
    os.environ.pop(name, None)
from lecun89.__main__ import main
if __name__ == "__main__":
    sys.argv[1:] = {words!r}
    main()
"""


@posix
def test_workers_share_the_temporary_directory_which_is_gone_at_the_end(tmp_path: Path) -> None:
    words = ["train", "--seeds", "0..1", "--workers", "2", "--passes", "1", "--batch-size", "full"]
    Path("homeless.py").write_text(HOMELESS.format(words=words))
    (tmp_path / "tmp").mkdir()
    done = subprocess.run(
        [sys.executable, "homeless.py"],
        env=os.environ | {"TMPDIR": str(tmp_path / "tmp")},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("temporary directory") == 1
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "tmp").glob("lecun89-*"))
    assert len(list(tmp_path.glob("runs/*/runs/*/weights.safetensors"))) == 2


@posix
def test_the_python_interface_writes_nothing_without_a_home(home: Home) -> None:
    import lecun89

    home("unset, and the user is unknown")
    assert default_data_dir() == NOWHERE
    assert len(lecun89.load_digits("1989").test) == 2007
    with pytest.raises(lecun89.Lecun89Error, match="no usps in"):
        _ = lecun89.load_digits("usps").test
    assert [path.name for path in Path().iterdir()] == ["tmp"]
    assert not list(Path("tmp").iterdir())


def test_where_a_directory_is_yet_to_be_made_it_is_its_parents_that_count(tmp_path: Path) -> None:
    assert why_not_kept(tmp_path / "a" / "b") is None
    (tmp_path / "file").touch()
    assert why_not_kept(tmp_path / "file" / "a") == f"{tmp_path / 'file'} is no directory"


# ~

BAD_TILDES = [
    ("~nobody-such-user/x", "there is no user nobody-such-user; give the whole path, or ./~nobody"),
    ("~nobody-such-user", "there is no user nobody-such-user"),
    ("~\udcff/x", "there is no user"),
    ("~" + "x" * 3000, "there is no user xxx"),
]
FLAGS = [
    "train --data-dir",
    "train --runs-dir",
    "train --resume",
    "prepare --source",
    "eval",
    "export",
    "errors",
    "errors record --diff",
    "plot",
    "export record --out",
    "bench --save",
    "bench --compare",
    "ladder --plot",
    "ladder --out",
    "sweep",
    "sweep --grid passes=1 --out",
]


@posix
@pytest.mark.parametrize("line", FLAGS)
@pytest.mark.parametrize(("text", "words"), BAD_TILDES, ids=["below", "alone", "bytes", "long"])
def test_a_home_that_nobody_knows_is_one_line(
    line: str, text: str, words: str, cli: Callable[..., Result]
) -> None:
    result = cli(*line.split(), text)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.error
    assert not list(Path().iterdir())


@posix
@pytest.mark.parametrize("kind", ["unset, and the user is unknown", "empty", "relative"])
@pytest.mark.parametrize("text", ["~", "~/x"])
def test_a_tilde_without_a_home_is_one_line(
    kind: str, text: str, home: Home, cli: Callable[..., Result]
) -> None:
    home(kind)
    for line in FLAGS:
        result = cli(*line.split(), text)
        assert result.exit_code == 2, line
        assert "HOME does not say what ~ is; give the whole path, or ./~" in result.error
    assert [path.name for path in Path().iterdir()] == ["tmp"]


@posix
def test_a_tilde_is_the_home_in_flags_names_and_variables(
    cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    (tmp_path / "me").mkdir()
    short = ("--passes", 1, "--batch-size", "full", "--json")
    run = Path(cli("train", *short, "--runs-dir", "~/flag").document["run"])
    assert run.parent == tmp_path / "me" / "flag"
    assert cli("eval", f"~/flag/{run.name}").exit_code == 0
    assert cli("errors", f"~/flag/{run.name}", "--out", "~/errors", "-q").exit_code == 0
    assert (tmp_path / "me" / "errors").is_dir()
    assert cli("export", f"~/flag/{run.name}", "--out", "~/net.safetensors").exit_code == 0
    assert cli("eval", "~/net.safetensors").exit_code == 0
    monkeypatch.setenv("LECUN89_RUNS_DIR", "~/variable")
    monkeypatch.setenv("LECUN89_DATA_DIR", "~/digits")
    assert default_data_dir() == tmp_path / "me" / "digits"
    run = Path(cli("train", *short).document["run"])
    assert run.parent == tmp_path / "me" / "variable"
    assert (tmp_path / "me" / "digits" / "1989" / "test.safetensors").is_file()
    assert cli("train", "--resume", f"~/variable/{run.name}", "-q").exit_code == 0
    assert [path.name for path in Path().iterdir()] == ["me"]


def test_a_directory_of_that_name_is_reached_by_its_path(cli: Callable[..., Result]) -> None:
    assert cli("prepare", "--data-dir", "./~").exit_code == 0
    assert Path("./~/1989/test.safetensors").is_file()
    assert expand_home("RUN", "./~") == "./~"
    assert expand_home("RUN", "a~") == "a~"
