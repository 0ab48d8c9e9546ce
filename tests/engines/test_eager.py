from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest
import torch

from lecun89.data import Digits
from lecun89.engines import choose
from lecun89.engines.eager import EagerEngine, roll
from lecun89.exceptions import FileFormatError, UsageError
from lecun89.settings import Settings
from lecun89.variants import VARIANTS
from tests.alone import fit, make_engine
from tests.conftest import GPU, UNDISTORTED

STEPS = 50


# The reference loop has PyTorch's optimizers alone.
@pytest.mark.parametrize("name", [name for name in UNDISTORTED if name not in ("sdlm", "paper")])
def test_one_digit_at_a_time_equals_the_reference_loop_bit_for_bit(
    name: str,
    settings: Callable[..., Settings],
    splits: dict[str, Digits],
    reference_loop: ModuleType,
) -> None:
    variant = VARIANTS[name]
    engine = make_engine(settings(variant=name, lr=variant.lr), splits)
    engine.begin_pass(1, variant.lr)
    engine.run_steps(0, STEPS)
    loop = reference_loop.ReferenceLoop(variant, splits["train"], seed=1337, passes=2)
    loop.run_steps(1, 0, STEPS)
    state = engine.state()
    for key, value in loop.network.named_parameters():
        assert np.array_equal(state[key], value.detach().numpy()), key
    found = engine.score("test")
    loss, misses = loop.evaluate(splits["test"])
    assert (found.loss, found.misses) == (loss, misses)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["base", "modern"])
def test_two_passes_equal_the_reference_loop_digit_for_digit(
    name: str,
    settings: Callable[..., Settings],
    splits: dict[str, Digits],
    reference_loop: ModuleType,
) -> None:
    from tests.alone import make_engine

    variant = VARIANTS[name]
    of = settings(variant=name, lr=variant.lr, passes=2)
    loop = reference_loop.ReferenceLoop(variant, splits["train"], seed=1337, passes=2)
    expected = loop.run_passes(splits["train"], splits["test"])
    for result, scores in zip(fit(make_engine(of, splits), of), expected, strict=True):
        assert [(score.loss, score.misses) for score in (result.train, result.test)] == scores


def test_a_batch_step_is_the_mean_gradient_of_its_digits_in_float64(
    settings: Callable[..., Settings],
    splits: dict[str, Digits],
    reference_loop: ModuleType,
) -> None:
    engine = make_engine(settings(batch_size=7290, lr=1.0), splits)
    before = engine.state()
    engine.begin_pass(1, 1.0)
    engine.run_steps(1, 2)  # the last partial batch, of one digit
    after = engine.state()
    loop = reference_loop.ReferenceLoop(VARIANTS["base"], splits["train"], seed=1337, passes=1)
    network = loop.network.double()
    image, target = loop.images[[7290]].double(), loop.targets[[7290]].double()
    loop.loss(network(image), target).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None
        step = before[name].astype(np.float64) - after[name]
        np.testing.assert_allclose(step, parameter.grad.numpy(), rtol=1e-4, atol=2e-7)


def test_roll_shifts_each_image_on_its_own() -> None:
    images = torch.randn(9, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    shifts = torch.tensor([(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)])
    rolled = roll(images, shifts)
    for image, shift, found in zip(images, shifts.tolist(), rolled, strict=True):
        assert torch.equal(found, torch.roll(image, shift, (1, 2)))


def test_every_digit_of_a_batch_has_its_own_shift_and_dropout(
    settings: Callable[..., Settings], splits: dict[str, Digits]
) -> None:
    engine = make_engine(settings(variant="modern", batch_size=None), splits)
    engine.begin_pass(1, 3e-4)
    shifted = engine._pass_images
    original = torch.from_numpy(splits["train"].images.copy())[:, None]
    counts = [
        int((shifted == torch.roll(original, (y, x), (2, 3))).all(dim=(1, 2, 3)).sum())
        for y in (-1, 0, 1)
        for x in (-1, 0, 1)
    ]
    # 7291 draws over nine shifts: 810 each, with a deviation of 27.
    assert sum(counts) >= 7291
    assert all(660 < count < 960 for count in counts)
    mask = engine._mask(7291)
    assert mask is not None
    assert mask.unique().tolist() == pytest.approx([0, 4 / 3])
    assert float((mask == 0).float().mean()) == pytest.approx(0.25, abs=0.003)
    assert not torch.equal(mask[0], mask[1])


def test_state_of_other_settings_is_refused(
    settings: Callable[..., Settings], splits: dict[str, Digits]
) -> None:
    adamw = make_engine(settings(variant="adamw", batch_size=64), splits)
    adamw.begin_pass(1, 3e-4)
    adamw.run_steps(0, 1)
    with pytest.raises(FileFormatError, match=r"optimizer\.H1b\.exp_avg is unexpected"):
        make_engine(settings(variant="base"), splits).load_state(adamw.state())
    state = adamw.state()
    del state["random.shift"]
    with pytest.raises(FileFormatError, match=r"random\.shift is missing"):
        make_engine(settings(variant="adamw"), splits).load_state(state)


def test_unknown_engine_lists_the_known_ones(settings: Callable[..., Settings]) -> None:
    with pytest.raises(UsageError, match="'eagr': did you mean 'eager'"):
        choose("eagr", settings().trained, "cpu")


@pytest.mark.gpu
@pytest.mark.parametrize("name", VARIANTS)
def test_a_gpu_trains_to_the_same_bits_twice(name: str, few: dict[str, Digits]) -> None:
    from lecun89 import devices

    devices.set_up(GPU, 1)
    variant = VARIANTS[name]
    size, steps = (1, 4) if variant.optimizer.startswith("sdlm") else (64, 8)
    ended = []
    for _ in range(2):
        engine = EagerEngine(variant, [1], few, device=GPU, batch_size=size)
        for number in (1, 2):
            engine.begin_pass(number, [variant.lr])
            engine.run_steps(0, steps)
            engine.end_pass()
        ended.append((engine.scores("train"), engine.scores("test"), engine.states()[0]))
    assert ended[0][:2] == ended[1][:2]
    assert all(np.array_equal(array, ended[1][2][key]) for key, array in ended[0][2].items())
