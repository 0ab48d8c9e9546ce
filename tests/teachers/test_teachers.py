"""Teachers on few digits: trained, interrupted, asked, and what a student makes of it."""

import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lecun89 import devices, get_variant
from lecun89.data import (
    Digits,
    SoftLabels,
    digests,
    labels_directory,
    labels_path,
    load_training,
    make_labels,
    read_labels,
    write_labels,
)
from lecun89.data.sets import DATA
from lecun89.engines.presentation import presentation
from lecun89.exceptions import DataUnavailableError, InterruptedRunError, UsageError
from lecun89.settings import Settings
from lecun89.storage import tensorfile
from lecun89.teachers import RECIPES, Recipe, label, train_member
from lecun89.teachers.member import load_member
from tests.alone import make_engine
from tests.conftest import GPU, Result

RECIPE = Recipe(members=1, width=4, passes=2, variations=3)
STUDENT = get_variant("record").on("full")


@pytest.fixture(scope="module")
def few(splits: dict[str, Digits]) -> Digits:
    digits = splits["train"]
    return replace(
        digits,
        images=digits.images[:256],
        labels=digits.labels[:256],
        source_index=digits.source_index[:256],
    )


def trained(few: Digits, path: Path, device: str = "cpu") -> torch.nn.Module:
    assert [number for number, _ in train_member(RECIPE, few, 1, path, device)] == [1, 2]
    return load_member(RECIPE, few.sha256, 1, path)


@pytest.mark.parametrize("device", ["cpu", pytest.param(GPU, marks=pytest.mark.gpu)])
def test_a_teacher_goes_on_to_the_same_bits(few: Digits, tmp_path: Path, device: str) -> None:
    whole = trained(few, tmp_path / "whole", device).state_dict()
    before = devices.random_states(device)
    path = tmp_path / "parts"
    asked = 0

    def stop_in_the_second_pass() -> int | None:
        nonlocal asked
        asked += 1
        return signal.SIGINT if asked == 6 else None

    with pytest.raises(InterruptedRunError):
        list(train_member(RECIPE, few, 1, path, device, stop_in_the_second_pass))
    after = devices.random_states(device)
    assert all(torch.equal(state, after[kind]) for kind, state in before.items())
    torch.manual_seed(0)  # what others draw meanwhile does not matter
    assert [number for number, _ in train_member(RECIPE, few, 1, path, device)] == [2]
    parts = load_member(RECIPE, few.sha256, 1, path).state_dict()
    assert all(torch.equal(value, parts[name]) for name, value in whole.items())
    assert list(train_member(RECIPE, few, 1, path, device)) == []
    devices.set_random_states(device, before)


def test_a_file_of_another_teacher_is_trained_anew(few: Digits, tmp_path: Path) -> None:
    path = tmp_path / "teacher"
    trained(few, path)
    for other, seed in ((replace(RECIPE, passes=3), 1), (replace(RECIPE, width=6), 1), (RECIPE, 2)):
        assert next(train_member(other, few, seed, path, "cpu"))[0] == 1
        trained(few, path)
    arrays, header = tensorfile.read(path, "teacher", limit=1 << 20)
    first = next(train_member(RECIPE, few, 1, tmp_path / "fresh", "cpu"))
    del arrays["network.0.weight"]
    tensorfile.write(path, "teacher", arrays, {**header, "done": 1})
    assert next(train_member(RECIPE, few, 1, path, "cpu")) == first
    path.write_bytes(path.read_bytes()[:-1])
    assert next(train_member(RECIPE, few, 1, path, "cpu"))[0] == 1


def test_labels_are_of_the_images_that_the_student_sees(few: Digits, tmp_path: Path) -> None:
    network = trained(few, tmp_path / "teacher")
    soft = label([network], STUDENT, few, RECIPE.variations, "cpu")
    assert soft.logits.shape == (3, 256, 10)
    assert np.exp(soft.logits.astype(float)).sum(axis=2) == pytest.approx(1, abs=0.01)
    taught = replace(few, soft=soft)
    shown = [presentation(STUDENT, 7, number, taught) for number in (1, 2, 3, 4)]
    assert [(one.seed, one.variation) for one in shown] == [(99, 1), (99, 2), (99, 3), (99, 1)]
    for one in shown:
        assert one.targets is not None
        assert one.targets.sum(axis=1) == pytest.approx(1)
    assert np.array_equal(np.argmax(shown[1].targets, axis=1), soft.logits[1].argmax(axis=1))
    assert not np.array_equal(shown[0].order, shown[3].order)
    # Surer than the teacher: logits are divided by 0.5.
    plain = presentation(replace(STUDENT, temperature=1.0), 7, 1, taught).targets
    assert plain is not None
    assert shown[0].targets.max(axis=1).mean() > plain.max(axis=1).mean()
    for untaught in (few, replace(few, soft=replace(soft, distortions={}))):
        with pytest.raises(UsageError, match="needs a teacher's labels for its own distortions"):
            presentation(STUDENT, 7, 1, untaught)


@pytest.fixture
def soft_labels(splits: dict[str, Digits]) -> SoftLabels:
    random = np.random.RandomState(3)
    logits = random.normal(0, 2, (2, 7_291, 10)).astype(np.float16)
    return make_labels(99, get_variant("record+teacher=yes").on("1989").distortions, logits)


def test_the_engines_learn_the_same_from_a_teacher(
    soft_labels: SoftLabels, settings: Callable[..., Settings], splits: dict[str, Digits]
) -> None:
    pytest.importorskip("lecun89._native", reason="installed without a C++ compiler")
    taught = splits | {"train": replace(splits["train"], soft=soft_labels)}
    losses = []
    for engine in ("native", "eager"):
        of = settings(
            variant="record+teacher=yes",
            lr=1e-4,
            batch_size=32,
            engine=engine,
        )
        made = make_engine(of, taught)
        made.begin_pass(2, 1e-4)
        made.run_steps(0, 60)
        losses.append(made.score("test").loss)
    assert losses[0] == pytest.approx(losses[1], rel=2e-3)


TAUGHT = get_variant("record+teacher=yes").on("1989")


def test_labels_are_kept_and_verified(soft_labels: SoftLabels, tmp_path: Path) -> None:
    path = write_labels(soft_labels, "1989", tmp_path)
    again = read_labels("1989", TAUGHT, tmp_path)
    assert again.sha256 == soft_labels.sha256
    assert np.array_equal(again.logits, soft_labels.logits)
    advice = r"make them with `lecun89 teach --variant record\+teacher=yes --data"
    for name, student in (("1989", get_variant("record+teacher=yes+elastic=1")), ("full", TAUGHT)):
        with pytest.raises(DataUnavailableError, match="no teacher's labels for record"):
            read_labels(name, student, tmp_path)
    # The same number of digits, others though.
    elsewhere = labels_path("usps", TAUGHT.distortions, tmp_path)
    elsewhere.parent.mkdir()
    elsewhere.write_bytes(path.read_bytes())
    with pytest.raises(
        DataUnavailableError, match=f"holds no labels for .* on usps: {advice} usps`"
    ):
        read_labels("usps", TAUGHT, tmp_path)
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataUnavailableError, match=f"is damaged.*{advice} 1989`"):
        read_labels("1989", TAUGHT, tmp_path)


def test_two_students_of_different_distortions_are_refused(
    data_dir: Path, soft_labels: SoftLabels
) -> None:
    path = write_labels(soft_labels, "1989", data_dir)
    try:
        other = get_variant("record+teacher=yes+elastic=1")
        plain = get_variant("base")
        taught = load_training("1989", [plain, TAUGHT], data_dir)
        assert taught["train"].soft is not None
        assert "teacher" not in digests(taught, plain)
        assert digests(taught, TAUGHT)["teacher"] == soft_labels.sha256
        with pytest.raises(UsageError, match="train them one after the other"):
            load_training("1989", [TAUGHT, other], data_dir)
    finally:
        path.unlink()


def test_teach_keeps_what_train_asks_for(
    cli: Callable[..., Result], data_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(
        RECIPES,
        "1989",
        Recipe(members=1, width=1, passes=1, variations=1),
    )
    asked = ("train", "--variant", "record+teacher=yes", "--passes", "1", "--engine", "eager")
    refused = cli(*asked)
    assert refused.exit_code == 4
    assert (
        "make them with `lecun89 teach --variant record+teacher=yes --data 1989`" in refused.stderr
    )
    teach = ("teach", "--variant", "record+teacher=yes", "--data", "1989")
    done = cli(*teach)
    assert done.exit_code == 0, done.stderr
    path = Path(done.stdout.strip())
    try:
        assert "teacher 1 of 1: pass 1 of 1, loss" in done.stderr
        modified = path.stat().st_mtime_ns
        again = cli(*teach, "--json")
        assert again.document["path"] == str(path)
        assert path.stat().st_mtime_ns == modified
        assert again.stderr == ""
        assert cli(*asked, "--seed", "3").exit_code == 0
    finally:
        path.unlink()
        path.with_name("teacher-1.safetensors").unlink()
    wrong = cli("teach", "--data", "1989", "--variant", "base")
    assert wrong.exit_code == 2
    assert "base has no teacher on 1989" in wrong.stderr


def test_every_data_set_has_a_recipe() -> None:
    from lecun89.teachers import get_recipe

    assert all(get_recipe(name).members >= 1 for name in DATA)


def test_data_to_tune_on_shares_the_labels_of_its_digits(tmp_path: Path) -> None:
    assert labels_directory("full-tune", tmp_path) == labels_directory("full", tmp_path)
    assert labels_directory("1989-tune", tmp_path) == labels_directory("1989", tmp_path)
    of_fewer = labels_directory("usps-tune", tmp_path)
    assert of_fewer != labels_directory("usps", tmp_path)
