from pathlib import Path

import pytest

from lecun89.exceptions import UsageError
from lecun89.storage.outputdir import write_files


def text(content: str) -> object:
    return lambda path: path.write_text(content)


def test_what_the_command_wrote_is_replaced_and_tidied(tmp_path: Path) -> None:
    write_files(tmp_path / "new", "errors", {"a": text("1"), "d/b": text("2")})
    written = write_files(tmp_path / "new", "errors", {"a": text("3")}, tidy=True)
    assert written == [tmp_path / "new" / "a"]
    assert written[0].read_text() == "3"
    assert not (tmp_path / "new" / "d" / "b").exists()


def test_a_file_of_somebody_else_stands_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("precious")
    with pytest.raises(UsageError, match="b is there already .* --force"):
        write_files(tmp_path, "errors", {"a": text("1"), "b": text("2")})
    assert (tmp_path / "b").read_text() == "precious"
    assert not (tmp_path / "a").exists()
    write_files(tmp_path, "errors", {"b": text("2")}, force=True)
    assert (tmp_path / "b").read_text() == "2"
    with pytest.raises(UsageError):  # another command's is somebody else's
        write_files(tmp_path, "plot", {"b": text("3")})


def test_a_forged_marker_removes_nothing_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("precious")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / ".lecun89-errors.json").write_text('["../kept", 3, "gone"]')
    write_files(inside, "errors", {"a": text("1")}, tidy=True)
    assert (tmp_path / "kept").read_text() == "precious"
    for broken in ("{", "{}", "[" * 100_000, '["\\u0000"]'):
        (inside / ".lecun89-errors.json").write_text(broken)
        with pytest.raises(UsageError):
            write_files(inside, "errors", {"a": text("1")})


def test_what_is_no_directory_is_told_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "d").touch()
    with pytest.raises(UsageError, match="d is no directory"):
        write_files(tmp_path, "errors", {"a": text("1"), "d/b": text("2")})
    with pytest.raises(UsageError, match="d is no directory"):
        write_files(tmp_path / "d", "errors", {"a": text("1")})
    assert not (tmp_path / "a").exists()


def test_a_failed_write_leaves_the_file_before(tmp_path: Path) -> None:
    def fail(path: Path) -> None:
        path.write_text("half")
        raise OSError(28, "No space left on device")

    write_files(tmp_path, "errors", {"a": text("1")})
    with pytest.raises(OSError, match="No space left"):
        write_files(tmp_path, "errors", {"a": fail})
    assert (tmp_path / "a").read_text() == "1"
    assert not list(tmp_path.glob("*.tmp"))
