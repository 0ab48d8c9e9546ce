"""The cores that a process may use."""

import os
from pathlib import Path

import pytest

from lecun89 import cores
from lecun89.exceptions import UsageError


@pytest.fixture
def sixteen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A directory for control groups, of a process on sixteen cores."""
    monkeypatch.setattr(cores, "_CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(cores, "_MEMBERSHIPS", tmp_path / "memberships")
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(16)), raising=False)
    (tmp_path / "memberships").write_text(
        "9:name=systemd:/\n3:cpu,cpuacct:/a/b\n2:cpuset:/elsewhere\n0::/c/d\n", encoding="utf-8"
    )
    return tmp_path / "cgroup"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 16),
        ({"c/d/cpu.max": "max 100000"}, 16),
        ({"c/d/cpu.max": "200000 100000"}, 2),
        ({"c/d/cpu.max": "350000 100000"}, 3),
        ({"c/d/cpu.max": "50000 100000"}, 1),
        ({"c/d/cpu.max": "6400000 100000"}, 16),
        ({"c/d/cpu.max": "max 100000", "c/cpu.max": "400000 100000"}, 4),
        ({"cpu.max": "300000 100000"}, 3),
        ({"c/d/cpu.max": "damaged"}, 16),
        ({"elsewhere/cpu.max": "100000 100000"}, 16),
        ({"cpu/a/b/cpu.cfs_quota_us": "-1", "cpu/a/b/cpu.cfs_period_us": "100000"}, 16),
        ({"cpu/a/cpu.cfs_quota_us": "250000\n", "cpu/a/cpu.cfs_period_us": "50000\n"}, 5),
    ],
)
def test_quotas_of_containers_count(sixteen: Path, files: dict[str, str], expected: int) -> None:
    for name, text in files.items():
        path = sixteen / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert cores.usable_cores() == expected


def test_affinity_counts(sixteen: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3, 5, 7}, raising=False)
    assert cores.usable_cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")  # as on macOS
    assert cores.usable_cores() == 16


def test_a_number_of_threads_is_one_that_the_machine_has(sixteen: Path) -> None:
    assert cores.parse_threads("auto") is None
    assert [cores.parse_threads(given) for given in (1, "16")] == [1, 16]
    for given, words in (
        (0, "--threads 0 is out of range: this machine has 1 to 16"),
        ("17", "--threads 17 is out of range"),
        ("many", "--threads 'many' is neither a whole number nor auto"),
        (1.5, "neither a whole number nor auto"),
    ):
        with pytest.raises(UsageError, match=words):
            cores.parse_threads(given)
