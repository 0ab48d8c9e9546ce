"""`lecun89 page`: one file, its size, what it never replaces, and who may see it served."""

import base64
import json
import os
import re
import signal
import socket
import subprocess
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from lecun89.data import load
from lecun89.data.reduction import reduce_images
from lecun89.page.assemble import PAGE_VARIANTS, assemble, joined
from tests.conftest import PATIENCE, Result, command


def part(page: bytes, name: str) -> str:
    found = re.search(rf'<script type="[\w/]+" id="{name}">(.*?)</script>', page.decode(), re.S)
    assert found
    return found[1]


@pytest.fixture(scope="module")
def made(data_dir: Path) -> bytes:
    return assemble(["base", "modern", "paper"], [], data_dir)


def test_it_is_one_file_of_at_most_3_5_megabytes(cli: Callable[..., Result]) -> None:
    result = cli("page", "--json")
    assert result.exit_code == 0, result.stderr
    content = Path("lecun89.html").read_bytes()
    assert result.document["files"] == ["lecun89.html"]
    assert result.document["bytes"] == len(content) <= 3_500_000
    facts = json.loads(part(content, "facts"))
    assert [one["name"] for one in facts["networks"]] == ["record"]
    assert facts["networks"][0]["test_misses"] == 14


def test_nothing_in_it_is_loaded_from_elsewhere(made: bytes) -> None:
    text = made.decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy
    assert policy[1].startswith("default-src 'none'")
    assert "http" not in policy[1]
    assert "unsafe-inline" not in policy[1]
    assert not re.search(r'(src|href)="(?!#|data:)', text)
    assert "fetch(" not in text
    assert "<!-- " not in text.split("<body>")[0]


def test_its_digits_are_those_of_the_package(made: bytes, data_dir: Path) -> None:
    content = zlib.decompress(base64.b64decode(part(made, "digits")))
    images, labels = content[: 9298 * 784], content[9298 * 784 :]
    digits = [load("1989", split, data_dir) for split in ("train", "test")]
    reduced = reduce_images(np.frombuffer(images, np.uint8).reshape(-1, 28, 28))
    assert np.array_equal(reduced, np.concatenate([of.images for of in digits]))
    assert np.array_equal(
        np.frombuffer(labels, np.uint8), np.concatenate([of.labels for of in digits])
    )


def test_the_same_input_makes_the_same_bytes(made: bytes, data_dir: Path) -> None:
    assert assemble(["base", "modern", "paper"], [], data_dir) == made


@pytest.mark.parametrize("script", ["main.js", "worker.js"])
def test_joined_scripts_have_no_name_twice(script: str) -> None:
    text = joined(script)
    names = re.findall(r"^(?:async )?(?:function\*?|class|const|let) (\w+)", text, re.M)
    assert len(names) > 5
    assert sorted(names) == sorted(set(names))
    assert not re.search(r"^(import|export)\b", text, re.M)
    assert "</script" not in text


def test_it_replaces_what_it_wrote_and_nothing_else(cli: Callable[..., Result]) -> None:
    path = Path("lecun89.html")
    path.write_text("mine")
    refused = cli("page")
    assert refused.exit_code == 2
    assert "lecun89.html exists" in refused.error
    assert path.read_text() == "mine"
    assert cli("page", "--force").exit_code == 0
    assert cli("page", "--variants", "xent").exit_code == 0
    assert list(json.loads(part(path.read_bytes(), "facts"))["trains"]) == ["xent"]
    assert not list(Path().glob("*.tmp"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no pipes with names")
def test_a_pipe_gets_the_page(cli: Callable[..., Result]) -> None:
    os.mkfifo("pipe")
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(Path("pipe").read_bytes)
        assert cli("page", "--out", "pipe").exit_code == 0
        assert b'id="facts"' in read.result(PATIENCE)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["--variants", "microvit"], "the page cannot train microvit: choose from base"),
        (["--variants", "record"], "the page cannot train record: choose from base"),
        (["--variants", "bose"], "unknown variant 'bose'"),
        (["--variants", "base,"], "unknown variant ''"),
        (["--weights", "nowhere"], "nowhere"),
        (["--out", "none/page.html"], "there is no directory none"),
        (["--port", "80"], "--port only applies to --serve"),
        (["--serve", "--out", "x.html"], "leave out --out"),
        (["--serve", "--json"], "leave out --json"),
        (["--serve", "--port", "65536"], "--port must be 0 to 65535"),
    ],
)
def test_bad_input_is_one_line(cli: Callable[..., Result], line: list[str], said: str) -> None:
    result = cli("page", *line)
    assert result.exit_code in (1, 2)
    assert said in result.error
    assert not list(Path().iterdir())


def test_every_variant_that_it_can_train_is_of_the_1989_network() -> None:
    assert {"base", "xent", "adamw", "shift", "modern", "paper"} <= set(PAGE_VARIANTS)
    assert not {"record", "microvit", "weightnorm", "fast"} & set(PAGE_VARIANTS)


def test_it_is_served_to_this_machine_alone_until_ctrl_c() -> None:
    with subprocess.Popen(
        command("page", "--serve", "--port", 0), stdout=subprocess.PIPE, text=True
    ) as served:
        assert served.stdout is not None
        address = served.stdout.readline().split()[0]
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
        with urllib.request.urlopen(address, timeout=PATIENCE) as answer:
            assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
            assert b'id="facts"' in answer.read()
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(address + "etc/passwd", timeout=PATIENCE)
        served.send_signal(signal.SIGINT)
        assert served.wait(PATIENCE) == 0
    assert not list(Path().iterdir())


def test_a_port_in_use_is_one_line(cli: Callable[..., Result]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = cli("page", "--serve", "--port", taken.getsockname()[1])
    assert result.exit_code == 1
    assert "choose another --port" in result.error
