"""Weights of the network of 1989 as others saved them, and what is handed over in their place."""

import gzip
import io
import json
import shutil
import tarfile
import zipfile
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save as safetensors
from torch import nn

import lecun89
from lecun89.network.architecture import PARAMETER_SHAPES
from lecun89.network.weights import load_own
from tests.conftest import Result

Cli = Callable[..., Result]
Dict = dict[str, Any]


class Net(nn.Module):
    """As somebody would write it."""

    def __init__(self) -> None:
        super().__init__()
        draws = torch.Generator().manual_seed(1)
        for name, shape in PARAMETER_SHAPES.items():
            setattr(self, name, nn.Parameter(torch.rand(shape, generator=draws) / 8 - 1 / 16))


def state(prefix: str = "", dtype: torch.dtype = torch.float32) -> Dict:
    return {f"{prefix}{name}": tensor.to(dtype) for name, tensor in Net().state_dict().items()}


def without(name: str, **more: Any) -> Dict:
    return {key: value for key, value in (state() | more).items() if key != name}


def saved(value: Any, **options: Any) -> bytes:
    content = io.BytesIO()
    torch.save(value, content, **options)
    return content.getvalue()


def arrays(write: Callable[..., None], values: Dict, order: str = "C") -> bytes:
    content = io.BytesIO()
    write(content, **{name: np.asarray(value, order=order) for name, value in values.items()})
    return content.getvalue()


def checkpoint(dtype: torch.dtype = torch.float32) -> Dict:
    """With all that training scripts put beside the weights."""
    net = Net().to(dtype)
    optimizer = torch.optim.AdamW(net.parameters(), amsgrad=True)
    for parameter in net.parameters():
        parameter.grad = torch.ones_like(parameter)
    before = net.state_dict()
    before = {name: tensor.clone() for name, tensor in before.items()}
    optimizer.step()
    return {
        "epoch": 3,
        "model_state_dict": before,
        "optimizer_state_dict": optimizer.state_dict(),
        "scheduler": torch.optim.lr_scheduler.MultiStepLR(optimizer, [3, 5]).state_dict(),
        "loss": torch.tensor(0.1),
        "best": np.float64(0.2),
        "history": [{"test": 0.1, "train": np.float32(0.2)}] * 100,
        "torch_rng": torch.get_rng_state(),
        "numpy_rng": np.random.get_state(),
        "shape": torch.Size([1, 16, 16]),
        "seen": {1, 2},
        "note": None,
        "device": torch.device("cpu"),
        "dtype": torch.float32,
        "hash": b"abc",
    }


def big_endian() -> bytes:
    return arrays(
        np.savez, {name: tensor.numpy().astype(">f8") for name, tensor in state().items()}
    )


ACCEPTED: dict[str, Callable[[], bytes]] = {
    **{
        f"prefix {prefix}": lambda prefix=prefix: saved(state(prefix))
        for prefix in ("", "module.", "_orig_mod.", "model.", "net.", "model.net._orig_mod.module.")
    },
    **{
        f"in {name}": lambda name=name: saved({name: state(), "epoch": 3, "loss": 0.5})
        for name in ("state_dict", "model_state_dict", "model", "net", "ema_state_dict", "params")
    },
    "two deep": lambda: saved({"checkpoint": {"weights": state("module.")}, "args": {"lr": 0.1}}),
    "Lightning's": lambda: saved({"state_dict": state("model."), "hyper_parameters": {"lr": 0.1}}),
    "a training script's": lambda: saved(checkpoint()),
    "the same before 1.6": lambda: saved(checkpoint(), _use_new_zipfile_serialization=False),
    "the same of protocol 4": lambda: saved(checkpoint(), pickle_protocol=4),
    "the same of protocol 5": lambda: saved(checkpoint(), pickle_protocol=5),
    "the same in float64": lambda: saved(checkpoint(torch.float64)),
    "parameters": lambda: saved(dict(Net().named_parameters())),
    "float64": lambda: saved(state(dtype=torch.float64)),
    "float16": lambda: saved(state(dtype=torch.float16)),
    "bfloat16": lambda: saved(state(dtype=torch.bfloat16)),
    "bfloat16 before 1.6": lambda: saved(
        state(dtype=torch.bfloat16), _use_new_zipfile_serialization=False
    ),
    "not contiguous": lambda: saved(state() | {"H3w": state()["H3w"].T.contiguous().T}),
    "safetensors": lambda: safetensors(state()),
    "safetensors of Hugging Face": lambda: safetensors(state("model."), {"format": "pt"}),
    "safetensors of bfloat16": lambda: safetensors(state(dtype=torch.bfloat16)),
    "npz": lambda: arrays(np.savez, state()),
    "npz, compressed": lambda: arrays(np.savez_compressed, state("net.")),
    "npz in the order of Fortran": lambda: arrays(np.savez, state(), "F"),
    "npz of another processor": big_endian,
}


@pytest.mark.parametrize("name", ACCEPTED)
@pytest.mark.parametrize("file", ["model.pt", "model.safetensors"])
def test_every_harmless_form_is_the_same_network(cli: Cli, name: str, file: str) -> None:
    Path(file).write_bytes(ACCEPTED[name]())
    result = cli("export", file, "--variant", "base", "--out", "ours.safetensors")
    assert result.exit_code == 0, result.stderr
    found = load_own(Path("ours.safetensors")).arrays
    coarse = next((bits for bits in ("bfloat16", "float16") if bits in name), None)
    for key, tensor in state(dtype=getattr(torch, coarse or "float32")).items():
        assert np.array_equal(found[key], tensor.float().numpy())
    dtype = coarse or ("float64" if "float64" in name or "processor" in name else None)
    line = f"lecun89: {file} holds {dtype}, converted to float32\n" if dtype else ""
    assert result.stderr == line


def script() -> bytes:
    content = io.BytesIO()
    torch.jit.save(torch.jit.script(nn.Linear(1, 1)), content)
    return content.getvalue()


def packed(name: str, content: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(name, content)
    return made.getvalue()


def tarred() -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("model.pt"))
    return made.getvalue()


def onnx() -> bytes:
    return b"\x08\x08\x12\x07pytorch\x1a\x052.6.0" + bytes(100)


NAN = {"outb": torch.full((10,), float("nan"))}
SAVE = "save model.state_dict()"
REFUSED: dict[str, tuple[Callable[[], bytes], tuple[str, ...]]] = {
    "two entries": (
        lambda: saved({"state_dict": state(), "ema_state_dict": state(), "epoch": 1}),
        ("2 candidates", "state_dict, ema_state_dict", "save the one you mean alone"),
    ),
    "one tensor twice": (
        lambda: (lambda one: saved({"model": one, "net": one}))(state()),
        ("2 candidates", "model, net"),
    ),
    "two prefixes": (
        lambda: saved(state() | state("module.")),
        ("2 candidates", "its own names, module.*"),
    ),
    "two deep, and two": (
        lambda: saved({"a": {"b": state("net.")}, "c": state()}),
        ("2 candidates", "c, a/b/net.*"),
    ),
    "missing": (lambda: saved({"net": without("H2b")}), ("H2b is missing",)),
    "missing in safetensors": (lambda: safetensors(without("H2b")), ("H2b is missing",)),
    "missing in npz": (lambda: arrays(np.savez, without("H2b")), ("H2b is missing",)),
    "extra": (lambda: saved(without("", more=torch.zeros(1))), ("more is unexpected",)),
    "extra, without the prefix": (
        lambda: saved(state("net.") | {"n_averaged": torch.tensor(3)}),
        ("n_averaged is unexpected",),
    ),
    "another shape": (
        lambda: saved(without("", H3w=torch.zeros(30, 192))),
        ("H3w is float32 (30, 192), not float32 (192, 30)",),
    ),
    "integers": (
        lambda: safetensors(state(dtype=torch.int32)),
        ("H1w is i32 (12, 1, 5, 5), not float32",),
    ),
    "NaN": (lambda: saved(without("", **NAN)), ("outb is not finite",)),
    "NaN in npz": (lambda: arrays(np.savez, without("", **NAN)), ("outb is not finite",)),
    "too large for float32": (
        lambda: saved({key: value * 1e300 for key, value in state(dtype=torch.float64).items()}),
        ("H1w is not finite, as float64 or as float32",),
    ),
    "another network": (
        lambda: saved(nn.Linear(2, 2).state_dict()),
        ("holds weight, bias, none of H1w, H1b",),
    ),
    "numbers alone": (lambda: saved({"epoch": 3}), ("not a state dict of named tensors",)),
    "too deep": (lambda: saved({"a": {"b": {"c": state()}}}), ("not a state dict",)),
    "a module": (lambda: saved(Net()), ("a whole pickled module", "checkpoints.Net", SAVE)),
    "a module before 1.6": (
        lambda: saved(Net(), _use_new_zipfile_serialization=False),
        ("a whole pickled module", "checkpoints.Net", SAVE),
    ),
    "a module beside": (lambda: saved({"net": nn.Linear(1, 1)}), ("whole pickled module", SAVE)),
    "an object": (
        lambda: saved({"net": state(), "args": Namespace(lr=0.1)}),
        ("more than tensors (argparse.Namespace); nothing in it was executed", SAVE),
    ),
    "TorchScript": (script, ("TorchScript", SAVE)),
    "another pickle": (
        lambda: __import__("pickle").dumps({"H1w": 1}),
        ("a pickle that torch.save did not write", SAVE),
    ),
    "objects in npz": (
        lambda: arrays(np.savez, {"state": np.array([{}], object)}),
        ("Python objects (state.npy)", "numpy.savez"),
    ),
    "one array": (
        lambda: (lambda made: (np.save(made, np.zeros(3)), made.getvalue())[1])(io.BytesIO()),
        ("a NumPy array", "numpy.savez"),
    ),
    "a pointer": (
        lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 39999\n",
        ("a Git LFS pointer", "git lfs pull"),
    ),
    "a page": (lambda: b"\n<!DOCTYPE html>\n<html>", ("an HTML page", "download the file itself")),
    "nothing": (lambda: b"", ("empty",)),
    "gzip": (lambda: gzip.compress(saved(state())), ("gzip", "unpack it")),
    "tar": (tarred, ("a tar archive", "unpack it")),
    "zip": (
        lambda: packed("folder/model.pt", saved(state())),
        ("a zip archive of something else (folder/model.pt", "unpack it"),
    ),
    "HDF5": (lambda: b"\x89HDF\r\n\x1a\n" + bytes(99), ("HDF5", "safetensors or .npz")),
    "ONNX": (onnx, ("ONNX", "the PyTorch file")),
    "a picture": (lambda: b"\x89PNG\r\n\x1a\n" + bytes(99), ("a PNG picture, no weights file",)),
    "text": (lambda: b"some text", ("not a safetensors file, nor one of torch.save or .npz",)),
    "cut": (lambda: saved(state())[:9000], ("damaged",)),
    "npz, cut": (lambda: arrays(np.savez, state())[:9000], ("damaged",)),
    "safetensors, cut": (lambda: safetensors(state())[:9000], ("damaged",)),
}


@pytest.mark.filterwarnings("ignore:.*torch.jit")
@pytest.mark.parametrize("name", REFUSED)
def test_whatever_else_is_told_by_what_it_is(cli: Cli, name: str) -> None:
    make, words = REFUSED[name]
    Path("model.pt").write_bytes(make())
    result = cli("export", "model.pt", "--variant", "base", "--out", "ours.safetensors")
    assert result.exit_code == 1
    assert "model.pt " in result.error
    for word in words:
        assert word in result.error
    assert not Path("ours.safetensors").exists()


@pytest.fixture(scope="module")
def run(base_run: tuple[Path, Result]) -> Path:
    return base_run[0]


def test_every_command_and_the_api_take_one(cli: Cli, run: Path) -> None:
    right = load_own(run / "weights.safetensors").arrays
    tensors = {f"module.{name}": torch.from_numpy(array) for name, array in right.items()}
    Path("theirs.pt").write_bytes(saved({"model_state_dict": tensors, "epoch": 1}))
    words = ("theirs.pt", "--variant", "base")
    ours, theirs = cli("eval", run, "--json"), cli("eval", *words, "--json")
    assert theirs.document["splits"] == ours.document["splits"]
    misses = ours.document["splits"]["test"]["misses"]
    assert len(cli("errors", *words, "--json").document["misses"]) == misses
    result = cli("plot", *words, "--digit", "0")
    drawn = [
        Path("theirs-pictures/plots") / name for name in ("kernels.png", "activations-test-0.png")
    ]
    assert result.stdout.split() == [str(path) for path in drawn]
    assert all(path.exists() for path in drawn)
    net = lecun89.load_model("theirs.pt", variant="base")
    assert np.array_equal(net.H1w.detach().numpy(), right["H1w"])
    for line in (("eval",), ("errors",), ("plot",), ("export",)):
        result = cli(*line, "theirs.pt")
        assert result.exit_code == 2
        assert "give --variant" in result.error


def test_curves_are_not_drawn_of_a_file(cli: Cli, run: Path) -> None:
    Path("theirs.pt").write_bytes(saved(state()))
    result = cli("plot", run, "theirs.pt")
    assert result.exit_code == 2
    assert "theirs.pt is a weights file, which has no curves" in result.error
    assert cli("plot", "record", "--out", "out").stdout.split() == ["out/kernels.png"]


FOLDERS: dict[str, tuple[dict[str, bytes | None], int, tuple[str, ...]]] = {
    "of Hugging Face": (
        {"model.safetensors": None, "config.json": b'{"model_type": "lenet"}', "README.md": b""},
        0,
        ("mine-model.safetensors",),
    ),
    "one file": ({"weights.NPZ": None, ".hidden.pt": b"", "log.txt": b""}, 0, ()),
    "two files": ({"a.pt": None, "b.pth": None}, 1, ("holds 2 weights files", "a.pt, b.pth")),
    "none": (
        {"log.txt": b""},
        1,
        ("not a run: it has no config.json", "weights file (.safetensors"),
    ),
    "a pointer": ({"model.safetensors": b"version https://git-lfs"}, 1, ("LFS pointer",)),
    "a damaged run": ({"config.json": b'{"schema_version": 2}', "a.pt": None}, 1, ("is damaged",)),
}


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_stands_for_the_one_file_in_it(cli: Cli, name: str) -> None:
    files, exit_code, words = FOLDERS[name]
    Path("mine").mkdir()
    for file, content in files.items():
        (Path("mine") / file).write_bytes(safetensors(state()) if content is None else content)
    result = cli("export", "mine", "--variant", "base", "--out", "ours.safetensors")
    assert result.exit_code == exit_code, result.stderr
    if exit_code:
        assert all(word in result.error for word in words), result.error
    else:
        assert "H1w" in load_own(Path("ours.safetensors")).arrays


def test_a_run_stays_a_run_whatever_lies_in_it(cli: Cli, run: Path) -> None:
    copy = Path(shutil.copytree(run, "copy"))
    (copy / "other.pt").write_bytes(saved(state()))
    assert cli("eval", copy, "--json").document["run"] == "copy"
    (copy / "weights.safetensors").write_bytes(safetensors(state()))
    result = cli("eval", copy, "--variant", "base")
    assert result.exit_code == 1
    assert "weights.safetensors is not a file of lecun89" in result.error
    (copy / "weights.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    assert "weights.safetensors is a Git LFS pointer: it only names" in cli("eval", copy).error


@pytest.mark.parametrize(
    ("out", "words", "right"),
    [
        ("a.pt", (), "torch"),
        ("a.PTH", (), "torch"),
        ("a.bin", (), "torch"),
        ("a.ckpt", (), "torch"),
        ("a.safetensors", (), "safetensors"),
        ("a", (), "safetensors"),
        ("a.pt", ("--format", "safetensors"), "safetensors"),
        ("a.safetensors", ("--format", "torch"), "torch"),
    ],
)
def test_an_export_has_the_format_of_its_ending(
    cli: Cli, run: Path, out: str, words: tuple[str, ...], right: str
) -> None:
    assert cli("export", run, "--out", out, *words, "--json").document["format"] == right
    assert (Path(out).read_bytes()[:2] == b"PK") == (right == "torch")
    expected = cli("eval", run, "--json").document["splits"]
    again = cli("eval", out, "--variant", "base", "--json")
    assert again.document["splits"] == expected


def test_onnx_is_written_by_its_ending(cli: Cli, run: Path) -> None:
    pytest.importorskip("onnxscript")
    assert cli("export", run, "--out", "a.onnx", "--json").document["format"] == "onnx"
    assert "a.onnx is ONNX, no weights file" in cli("eval", "a.onnx").error


def test_a_damaged_key_of_ours_does_not_make_a_file_of_others(cli: Cli, run: Path) -> None:
    content = (run / "weights.safetensors").read_bytes()
    size = int.from_bytes(content[:8], "little")
    assert "lecun89" in json.loads(content[8 : 8 + size])["__metadata__"]
    for other in (b'"lecun88"', b'"Lecun89"'):
        Path("w.safetensors").write_bytes(content.replace(b'"lecun89"', other, 1))
        result = cli("eval", "w.safetensors", "--variant", "base")
        assert result.exit_code == 1
        assert "its header is damaged" in result.error
