import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lecun89.data import Digits
from lecun89.network.weights import load_weights
from tests.conftest import Result, command

pytest.importorskip("skimage", reason="installed without the extra read")


@pytest.fixture
def sheet(splits: dict[str, Digits]) -> Callable[..., str]:
    """Write a page with the first test digits in lines of five; returns their text."""

    def write(path: Path | str, digits: int = 5, dark: bool = False) -> str:
        page = np.full((20 + 80 * -(-digits // 5), 400), 30, np.uint8)
        for number in range(digits):
            row, column = divmod(number, 5)
            ink = ((splits["test"].images[number] + 1) * 127.5).astype(np.uint8)
            drawn = np.asarray(Image.fromarray(ink).resize((56, 56), Image.Resampling.BICUBIC))
            view = page[15 + 80 * row : 71 + 80 * row, 10 + 76 * column : 66 + 76 * column]
            np.maximum(view, drawn, out=view)
        Image.fromarray(page if dark else 255 - page).save(path)
        labels = "".join(map(str, splits["test"].labels[:digits]))
        return "\n".join(labels[start : start + 5] for start in range(0, digits, 5))

    return write


@pytest.mark.parametrize("dark", [False, True])
def test_the_digits_of_a_page_are_its_text(
    dark: bool, sheet: Callable[..., str], cli: Callable[..., Result]
) -> None:
    text = sheet("page.png", 10, dark)
    result = cli("read", "page.png")
    assert result.stdout == text + "\n"
    assert "record on full" in result.stderr
    quiet = cli("read", "page.png", "-q")
    assert (quiet.stdout, quiet.stderr, quiet.exit_code) == (text + "\n", "", 0)


def test_each_line_of_several_pictures_has_its_picture(
    sheet: Callable[..., str], cli: Callable[..., Result]
) -> None:
    first = sheet("a.png", 10).split("\n")
    second = sheet("b.png", 3)
    result = cli("read", "a.png", "b.png")
    assert result.stdout.splitlines() == [
        *(f"a.png: {line}" for line in first),
        f"b.png: {second}",
    ]


def test_what_holds_no_digit_says_so(cli: Callable[..., Result]) -> None:
    Image.new("RGB", (300, 200), "white").save("blank.png")
    for more in ((), ("--single",)):
        result = cli("read", "blank.png", *more)
        assert (result.exit_code, result.stdout) == (0, "")
        assert "blank.png: no digit is found" in result.stderr
    assert cli("read", "blank.png", "blank.png", "-q").stdout == "blank.png:\nblank.png:\n"


def test_the_document_tells_what_is_known_of_each_digit(
    sheet: Callable[..., str], cli: Callable[..., Result]
) -> None:
    text = sheet("page.png")
    Image.new("RGB", (300, 200), "white").save("blank.png")
    document = cli("read", "page.png", "blank.png", "--json").document
    assert list(document) == [
        *("schema_version", "weights", "variant", "data", "reject_for", "threshold"),
        *("images", "files"),
    ]
    assert (document["variant"], document["data"], document["reject_for"]) == ("record", "full", 1)
    assert document["files"] == []
    page, blank = document["images"]
    assert (page["image"], page["text"]) == ("page.png", text)
    assert blank == {"image": "blank.png", "text": "", "digits": []}
    for number, digit in enumerate(page["digits"]):
        assert digit["accepted"] == (digit["margin"] >= document["threshold"])
        second, first = sorted(digit["outputs"])[-2:]
        assert digit["margin"] == pytest.approx(first - second, abs=1e-5)
        assert digit["outputs"][digit["label"]] == first
        left, top, right, bottom = digit["box"]
        assert 10 + 76 * number <= left < right <= 66 + 76 * number
        assert 15 <= top < bottom <= 71
        assert digit["line"] == 0


def test_more_certainty_rejects_more(sheet: Callable[..., str], cli: Callable[..., Result]) -> None:
    sheet("page.png", 25)
    texts = [cli("read", "page.png", "--reject-for", p, "-q").stdout for p in ("0%", "100%")]
    assert texts[0].count("?") > 0
    assert texts[1].count("?") == 0
    assert all(a in ("?", b) for a, b in zip(*texts, strict=True))
    note = cli("read", "page.png", "--reject-for", "0%").stderr
    assert f"25 digits, {texts[0].count('?')} rejected for 0% error" in note


def test_a_table_of_the_digits(sheet: Callable[..., str], cli: Callable[..., Result]) -> None:
    sheet("page.png")
    lines = cli("read", "page.png", "-v").stdout.splitlines()
    document = cli("read", "page.png", "--json").document
    shown = "\n".join(lines[1:])
    for digit in document["images"][0]["digits"]:
        assert f"{digit['margin']:.2f}" in shown
        assert ",".join(map(str, digit["box"])) in shown


def test_one_picture_is_one_digit(
    splits: dict[str, Digits], cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    ink = ((splits["test"].images[0] + 1) * 127.5).astype(np.uint8)
    Image.fromarray(255 - ink).resize((160, 160)).save("digit.png")
    label = str(splits["test"].labels[0])
    assert cli("read", "digit.png", "--single").stdout == f"{label}\n"
    monkeypatch.setitem(sys.modules, "skimage", None)
    assert cli("read", "digit.png", "--single").stdout == f"{label}\n"
    assert 'pip install "lecun89[read]"' in cli("read", "digit.png").error


def test_a_run_reads_with_its_own_weights(
    base_run: tuple[Path, Result], sheet: Callable[..., str], cli: Callable[..., Result]
) -> None:
    sheet("page.png")
    document = cli("read", "page.png", "--weights", base_run[0], "--json").document
    assert document["weights"] == str(base_run[0])
    assert (document["variant"], document["data"]) == ("base", "1989")
    assert len(document["images"][0]["digits"]) == 5
    postal = cli("read", "page.png", "--data", "usps", "--json").document
    assert postal["data"] == "usps"
    assert len(postal["images"][0]["digits"]) == 5


def test_a_file_of_others_is_read_by_the_data_that_is_named(
    base_run: tuple[Path, Result], sheet: Callable[..., str], cli: Callable[..., Result]
) -> None:
    sheet("page.png")
    arrays = load_weights(base_run[0] / "weights.safetensors").arrays
    np.savez("theirs.npz", **arrays)
    line = ("read", "page.png", "--weights", "theirs.npz", "--variant", "base", "--json")
    for data, more in (("1989", ()), ("usps-tune", ("--data", "usps-tune"))):
        document = cli(*line, "--reject-for", 100, *more).document
        assert (document["data"], document["threshold"]) == (data, 0)


def test_outputs_that_are_not_finite_are_refused(
    sheet: Callable[..., str], cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    sheet("page.png")
    monkeypatch.setattr(
        "lecun89.analysis.evaluation.outputs",
        lambda network, images: torch.full((len(images), 10), torch.nan),
    )
    result = cli("read", "page.png", "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "not finite" in result.error


def test_pictures_of_what_is_read(sheet: Callable[..., str], cli: Callable[..., Result]) -> None:
    sheet("page.png", 10)
    result = cli("read", "page.png", "--out", "seen", "--json")
    assert result.document["files"] == ["seen/page.png", "seen/page-strip.png"]
    for name, least in (("page", (400, 180)), ("page-strip", (600, 10 * 112))):
        with Image.open(f"seen/{name}.png") as picture:
            assert picture.width >= least[0]
            assert picture.height >= least[1]
    assert cli("read", "page.png", "--out", "seen").exit_code == 0  # its own files are replaced


def test_pictures_of_one_name_do_not_replace_each_other(
    sheet: Callable[..., str], cli: Callable[..., Result]
) -> None:
    for name in ("a", "b"):
        Path(name).mkdir()
    pictures = ("a/page.png", "b/page.png", "b/PAGE.JPG", "a/page-strip.png", "a/page.png")
    for picture in pictures:
        sheet(picture)
    files = cli("read", *pictures, "--out", "seen", "--json").document["files"]
    assert len({file.lower() for file in files}) == len(files) == 10
    assert all(Path(file).is_file() for file in files)


def test_nothing_of_the_users_is_replaced(
    sheet: Callable[..., str], cli: Callable[..., Result]
) -> None:
    sheet("page.png")
    before = Path("page.png").read_bytes()
    for force in ((), ("--force",)):
        result = cli("read", "page.png", "--out", ".", *force)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "would replace page.png, which is read" in result.error
    Path("seen").mkdir()
    Path("seen/page-strip.png").write_text("precious")
    result = cli("read", "page.png", "--out", "seen")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "use --force" in result.error or "--force" in result.error
    assert [path.name for path in Path("seen").iterdir()] == ["page-strip.png"]
    assert cli("read", "page.png", "--out", "seen", "--force").exit_code == 0
    assert Path("page.png").read_bytes() == before


def test_the_others_are_read_when_one_cannot_be(
    sheet: Callable[..., str], cli: Callable[..., Result]
) -> None:
    text = sheet("page.png")
    Path("bad\x1b[31m.png").write_text("no picture")
    pictures = ("bad\x1b[31m.png", "page.png", "nowhere.png")
    for more in ((), ("-q",)):
        result = cli("read", *pictures, *more)
        assert (result.exit_code, result.stdout) == (1, f"page.png: {text}\n")
        assert result.error == "2 of 3 pictures could not be read"
        assert "bad?[31m.png is not an image" in result.stderr
        assert "nowhere.png" in result.stderr
        assert "\x1b" not in result.stderr
    document = cli("read", *pictures, "--json", "--out", "seen").document
    assert [image["image"] for image in document["images"]] == ["page.png"]
    assert len(document["files"]) == 2


@pytest.mark.skipif(os.name == "nt", reason="a pseudo-terminal")
def test_a_terminal_shows_the_digits(sheet: Callable[..., str]) -> None:
    import pty

    text = sheet("page.png")
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        child = subprocess.Popen(
            command("read", "page.png"), stdout=theirs, env=os.environ | {"COLUMNS": "100"}
        )
        os.close(theirs)
        shown = b""
        try:
            while part := terminal.read(4096):
                shown += part
        except OSError:  # the end, on Linux
            pass
        assert child.wait() == 0
    lines = shown.decode().splitlines()
    assert "▀" in lines[0]
    assert lines[-1] == text
    assert all(digit in lines[8] for digit in text)


@pytest.mark.skipif(os.name == "nt", reason="SIGINT")
def test_ctrl_c_ends_it_in_one_line(sheet: Callable[..., str]) -> None:
    sheet("page.png", 25)
    child = subprocess.Popen(
        command("read", *["page.png"] * 3000),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    child.stdout.readline()
    child.send_signal(signal.SIGINT)
    _, stderr = child.communicate()
    assert child.returncode == 130
    assert stderr.endswith("error: interrupted\n")
    assert "Traceback" not in stderr
