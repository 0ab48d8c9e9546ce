import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lecun89.exceptions import FileFormatError, UsageError
from lecun89.network.architecture import PARAMETER_SHAPES
from lecun89.network.weights import Weights, load_weights, save_weights
from lecun89.storage import tensorfile


def arrays() -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    return {
        name: random.random(shape, dtype=np.float32) for name, shape in PARAMETER_SHAPES.items()
    }


def state_dict() -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(array) for name, array in arrays().items()}


def test_a_weights_file_knows_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_weights(path, Weights(arrays(), "modern", "full", "abc"), passes=3)
    found = load_weights(path)
    assert (found.variant, found.data, found.data_sha256) == ("modern", "full", "abc")
    assert all(np.array_equal(found.arrays[name], array) for name, array in arrays().items())
    with pytest.raises(UsageError, match="--variant base conflicts with .*modern"):
        load_weights(path, "base")


@pytest.mark.parametrize("zipped", [True, False])
def test_an_upstream_state_dict_is_read(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "model.pt"
    torch.save(state_dict(), path, _use_new_zipfile_serialization=zipped)
    found = load_weights(path, "base")
    assert all(np.array_equal(found.arrays[name], array) for name, array in arrays().items())
    with pytest.raises(UsageError, match="give --variant"):
        load_weights(path)
    with pytest.raises(UsageError, match="unknown variant 'bass'"):
        load_weights(path, "bass")


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("executed"),))


def test_a_pickle_is_never_executed(tmp_path: Path) -> None:
    torch.save({**state_dict(), "more": Bomb()}, tmp_path / "model.pt")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Bomb()))
    for name in ("model.pt", "plain.pt"):
        with pytest.raises(FileFormatError, match=name):
            load_weights(tmp_path / name, "base")
    assert not Path("executed").exists()


def broken(**changes: Any) -> dict[str, Any]:
    return {key: value for key, value in (state_dict() | changes).items() if value is not None}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (broken(H1w=None), "H1w is missing"),
        (broken(extra=torch.zeros(1)), "extra is unexpected"),
        (broken(H3w=torch.zeros(30, 192)), "H3w is float32 .30, 192., not float32 .192, 30."),
        (broken(outb=torch.zeros(10, dtype=torch.int64)), "outb is int64"),
        (broken(outb=torch.full((10,), 1e39, dtype=torch.float64)), "outb is not finite"),
        (broken(outb=torch.full((10,), float("nan"))), "outb is not finite"),
        (broken(outb=torch.zeros(10).to_sparse()), "outb is torch._utils._rebuild_sparse_tensor"),
        (broken(outb=torch.zeros(10, dtype=torch.complex64)), "outb is complexfloat"),
        (
            broken(H1b=torch.zeros(1).expand(12, 8, 8, 10**12)),
            "H1b is float32 .12, 8, 8, 1000000000000.",
        ),
        (broken(outb=torch.zeros(10, device="meta")), "outb is torch._utils._rebuild_meta_tensor"),
        (broken(outb=torch._neg_view(torch.ones(10))), "outb"),
        ([torch.zeros(1)], "not a state dict"),
        ({1: torch.zeros(1)}, "not a state dict"),
        (broken(H1w="text"), "H1w is str, not a plain tensor"),
    ],
)
def test_a_state_dict_of_something_else_is_refused(
    tmp_path: Path, content: Any, message: str
) -> None:
    path = tmp_path / "model.pt"
    torch.save(content, path)
    with pytest.raises(FileFormatError, match=message) as caught:
        load_weights(path, "base")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x02", b"text", b"PK" + bytes(500)])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    with pytest.raises(FileFormatError):
        load_weights(path, "base")


def test_a_large_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save({"H1w": torch.zeros(10**6)}, path)
    with pytest.raises(FileFormatError, match="larger than"):
        load_weights(path, "base")


def test_a_file_of_an_unknown_variant_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_weights(path, Weights(arrays(), "future"))
    with pytest.raises(FileFormatError, match="of another version of lecun89: unknown variant"):
        load_weights(path)


def test_the_key_of_old_files_is_the_same_variant(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_weights(path, Weights(arrays(), "record+teacher=yes+sharpness=2.0"))
    for variant in ("record+teacher=yes+sharpness=2", "record+teacher=yes+temperature=0.5"):
        assert load_weights(path, variant).variant == "record+teacher=yes+sharpness=2.0"


def test_data_is_no_weights(data_dir: Path, tmp_path: Path) -> None:
    path = tmp_path / "small.safetensors"
    tensorfile.write(path, "digits", {"labels": np.zeros(3, np.uint8)}, {})
    with pytest.raises(FileFormatError, match="holds 'digits', not weights"):
        load_weights(path)
