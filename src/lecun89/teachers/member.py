"""One teacher's training: kept after every pass, so that it can be gone on with."""

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lecun89 import devices
from lecun89.data import Digits
from lecun89.engines.distortions import as_sources, distort, draw, pixels_of
from lecun89.exceptions import DataUnavailableError, FileFormatError, InterruptedRunError
from lecun89.storage import tensorfile
from lecun89.storage.outputdir import refuse_links
from lecun89.teachers.network import make_teacher, outputs_of
from lecun89.teachers.recipe import DISTORTIONS, Recipe
from lecun89.variants import get_variant

_KIND = "teacher"
_MAX_BYTES = 64 << 20
_BATCH = 64
_LR = 3e-3
_SMOOTHING = 0.05
_SEEDS = 10_000  # the seed of a member's distortions is this and its own


def member_path(directory: Path, seed: int) -> Path:
    """Where a member is kept, in the directory of its data set."""
    return directory / f"teacher-{seed}.safetensors"


def train_member(
    recipe: Recipe,
    digits: Digits,
    seed: int,
    path: Path,
    device: str,
    stop_signal: Callable[[], int | None] = lambda: None,
) -> Iterator[tuple[int, float]]:
    """Train a member to its end, from where its file is.

    Args:
        recipe: of the ensemble.
        digits: of the training split.
        seed: of the member.
        path: its file.
        device: as PyTorch names it. On another kind of device an interrupted training goes on
            with other draws of dropout.
        stop_signal: the signal that asks to stop, if any.

    Yields:
        Each pass, counted from 1, and its mean loss, after it is saved.

    Raises:
        InterruptedRunError: a signal asked to stop; the pass that was begun is lost.
        DataUnavailableError: a file that is not ours is in the way.
    """
    tensorfile.refuse_foreign(path, _KIND)
    variant, of = get_variant(DISTORTIONS), torch.device(device)
    with devices.random_restored(device):
        torch.manual_seed(seed)
        network = make_teacher(recipe.width).to(of)
        optimizer = torch.optim.AdamW(network.parameters(), lr=_LR, weight_decay=0.05)
        steps = len(digits) // _BATCH
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, _LR, total_steps=recipe.passes * steps, pct_start=0.2
        )
        header = _header(recipe, seed, digits.sha256)
        done = _restore(path, header, network, optimizer, recipe.passes, device)
        if done == recipe.passes:
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the optimizer has made no steps here
            for _ in range(done * steps):
                schedule.step()
        sources = as_sources(pixels_of(digits, of))
        labels = torch.tensor(digits.labels, dtype=torch.int64, device=of)
        for number in range(done + 1, recipe.passes + 1):
            network.train()
            order, total = torch.randperm(len(digits)).to(of), torch.zeros((), device=of)
            for rows in order[: steps * _BATCH].split(_BATCH):
                drawn = draw(_SEEDS + seed, number, rows)
                outputs = outputs_of(network, distort(variant, sources[rows], *drawn))
                loss = F.cross_entropy(outputs, labels[rows], label_smoothing=_SMOOTHING)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                total += loss.detach()
                if (signum := stop_signal()) is not None:
                    raise InterruptedRunError(
                        signum, f"teacher {seed}: pass {number} is begun anew"
                    )
            arrays = {f"network.{name}": value for name, value in network.state_dict().items()}
            if number < recipe.passes:
                arrays |= _training_state(optimizer, device)
            _save(path, arrays, header | {"done": number})
            yield number, float(total) / steps


def load_member(recipe: Recipe, digits_sha256: str, seed: int, path: Path) -> nn.Module:
    """A trained member, on the CPU.

    Raises:
        FileFormatError: the file is not that of a trained member.
    """
    network = make_teacher(recipe.width)
    header = _header(recipe, seed, digits_sha256)
    if _restore(path, header, network, None, recipe.passes) < recipe.passes:
        raise FileFormatError(f"{path} is not trained to its end")
    return network.eval()


def _header(recipe: Recipe, seed: int, digits_sha256: str) -> dict[str, object]:
    """All that a member depends on, as far as it is chosen here."""
    return {
        "width": recipe.width,
        "passes": recipe.passes,
        "seed": seed,
        "digits": digits_sha256,
        "distortions": get_variant(DISTORTIONS).distortions,
        "constants": [_BATCH, _LR, _SMOOTHING],
    }


def _save(path: Path, tensors: dict[str, Tensor], header: dict[str, object]) -> None:
    arrays = {name: value.detach().cpu().contiguous().numpy() for name, value in tensors.items()}
    refuse_links(path.parent, path.parent.parent, DataUnavailableError)
    path.parent.mkdir(parents=True, exist_ok=True)
    tensorfile.write(path, _KIND, arrays, header)


def _training_state(optimizer: torch.optim.Optimizer, device: str) -> dict[str, Tensor]:
    states = devices.random_states(device)
    tensors = {_random_key(kind): state for kind, state in states.items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in state.items()}
    return tensors


def _random_key(kind: str) -> str:
    return "random" if kind == "cpu" else f"random.{kind}"


def _restore(
    path: Path,
    header: dict[str, object],
    network: nn.Module,
    optimizer: torch.optim.Optimizer | None,
    passes: int,
    device: str = "cpu",
) -> int:
    """Passes done; 0 when there is no file, or one of something else, and nothing is changed."""
    try:
        arrays, found = tensorfile.read(path, _KIND, limit=_MAX_BYTES)
    except FileFormatError:
        return 0
    done = found.get("done")
    if {key: found.get(key) for key in header} != header or type(done) is not int:
        return 0
    if not 1 <= done <= passes:
        return 0
    tensors = {name: torch.tensor(array) for name, array in arrays.items()}
    keys = {kind: _random_key(kind) for kind in devices.KINDS}
    random = {kind: tensors.pop(key) for kind, key in keys.items() if key in tensors}
    expected = {name: (value.shape, value.dtype) for name, value in _kept(network, done < passes)}
    if {name: (value.shape, value.dtype) for name, value in tensors.items()} != expected:
        return 0
    if done < passes and optimizer is not None:
        try:
            devices.set_random_states(device, random)
        except ValueError:
            return 0
        _load_optimizer(optimizer, tensors)
    network.load_state_dict({name: tensors[f"network.{name}"] for name in network.state_dict()})
    return done


def _kept(network: nn.Module, training: bool) -> Iterator[tuple[str, Tensor]]:
    """Names and likenesses of what a file holds beside the states of generators."""
    for name, value in network.state_dict().items():
        yield f"network.{name}", value
    for index, value in enumerate(network.parameters()) if training else ():
        yield f"optimizer.{index}.step", torch.zeros(())
        yield f"optimizer.{index}.exp_avg", value
        yield f"optimizer.{index}.exp_avg_sq", value


def _load_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    state = optimizer.state_dict()
    for name, value in tensors.items():
        if name.startswith("optimizer."):
            _, index, key = name.split(".")
            state["state"].setdefault(int(index), {})[key] = value
    optimizer.load_state_dict(state)
