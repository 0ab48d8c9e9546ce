import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lecun89.network.initialization import initial_parameters
from lecun89.network.weights import Weights, save_weights
from lecun89.variants import get_variant
from tests.conftest import Result


def drawn(path: Path) -> np.ndarray:
    """Pixels of a picture, after looking that nothing touches its border."""
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    for edge in (pixels[:2], pixels[-2:], pixels[:, :2], pixels[:, -2:]):
        assert (edge == 255).all()
    assert (pixels < 250).any()
    return pixels


def test_a_run_gets_curves_kernels_and_activations(
    base_run: tuple[Path, Result], cli: Callable[..., Result]
) -> None:
    result = cli("plot", base_run[0], "--digit", 0, "--out", "out")
    assert result.exit_code == 0
    assert result.stdout.split() == [
        f"out/{name}"
        for name in ("curves.png", "curves.svg", "kernels.png", "activations-test-0.png")
    ]
    for name in ("curves.png", "kernels.png", "activations-test-0.png"):
        drawn(Path("out") / name)
    assert Path("out/curves.svg").read_text().startswith("<?xml")
    before = Path("out/curves.svg").read_bytes()
    assert cli("plot", base_run[0], "--out", "out", "-q").exit_code == 0
    assert Path("out/curves.svg").read_bytes() == before
    assert Path("out/activations-test-0.png").exists()


@pytest.mark.parametrize("planes", [4, 7])
def test_any_number_of_planes_is_drawn(planes: int, cli: Callable[..., Result]) -> None:
    save(f"base+planes={planes}", Path("few.safetensors"))
    assert cli("plot", "few.safetensors", "--digit", 3, "--out", "out").exit_code == 0
    for name in ("kernels.png", "activations-test-3.png"):
        drawn(Path("out") / name)


def test_a_network_without_kernels_says_so(cli: Callable[..., Result]) -> None:
    save("fc40", Path("full.safetensors"))
    for args, message in (
        ((), "full.safetensors has neither curves nor kernels of 1989 to draw"),
        (("--digit", 3), "--digit shows the network of 1989, not fc40"),
    ):
        result = cli("plot", "full.safetensors", *args)
        assert result.exit_code == 2
        assert result.error == message


def save(variant: str, path: Path) -> None:
    """A network as it is before training."""
    save_weights(path, Weights(initial_parameters(get_variant(variant), 1), variant))


def test_runs_are_overlaid_and_a_digit_out_of_range_is_refused(
    base_run: tuple[Path, Result], cli: Callable[..., Result]
) -> None:
    copy = shutil.copytree(base_run[0], "runs/copy")
    document = cli("plot", base_run[0], copy, "--out", "out", "--json").document
    assert document["files"] == ["out/curves.png", "out/curves.svg"]
    odd = shutil.copytree(base_run[0], "runs/_a$\\bad$b")
    assert cli("plot", odd, copy, "--out", "odd").exit_code == 0
    for args, message in (
        (("--digit", 2007), "--digit 2007 is out of range: test has 0 to 2006"),
        ((copy, "--digit", 1), "--digit shows one network"),
    ):
        result = cli("plot", base_run[0], *args)
        assert result.exit_code == 2
        assert message in result.error


def test_training_draws_its_curves(cli: Callable[..., Result]) -> None:
    result = cli("train", "--batch-size", 256, "--passes", 2, "--plot")
    assert result.exit_code == 0
    assert "test error by pass" in result.stdout
    run = Path(result.stdout.splitlines()[-1])
    drawn(run / "plots" / "curves.png")
    (run / "plots" / ".lecun89-plot.json").unlink()  # as if somebody else had drawn them
    refused = cli("train", "--resume", run, "--plot")
    assert refused.exit_code == 2
    assert "draw the curves elsewhere" in refused.error
    assert refused.stdout.splitlines()[-1] == str(run)


@pytest.mark.parametrize("line", ["plot", "train --plot", "eval --plot"])
def test_without_matplotlib_the_extra_is_named(
    line: str, cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = cli(*line.split())
    assert result.exit_code == 1
    assert 'pip install "lecun89[plots]"' in result.error
    assert not Path("runs").exists()


def test_rejections_are_tabled_and_drawn(
    base_run: tuple[Path, Result], cli: Callable[..., Result]
) -> None:
    copy = shutil.copytree(base_run[0], Path("runs/copy"))
    result = cli("eval", copy, "--reject-for", "1%", "--plot", "-v")
    assert "12.1%" in result.stdout
    drawn(copy / "rejection-test.png")
    document = cli("eval", copy, "--reject-for", 4, "--json").document
    found = document["splits"]["test"]["rejection"]
    assert [entry["error_percent"] for entry in found] == [0.5, 1.0, 2.0, 3.0, 4.0]
    for entry in found:
        accepted = entry["total"] - entry["rejected"]
        assert 100 * entry["misses"] / accepted <= entry["error_percent"]
    assert sum(int(line.split()[1]) for line in result.stdout.splitlines()[5:15]) == 206
