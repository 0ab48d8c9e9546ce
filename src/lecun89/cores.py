"""The cores that this process may use, and how many threads are asked for."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from lecun89.exceptions import UsageError, shortened
from lecun89.parsing import parse_number

_CGROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIPS = Path("/proc/self/cgroup")


def usable_cores() -> int:
    """Cores that this process may use, by its affinity and by the quota of its containers."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return max(1, min([cores, *map(int, _quotas())]))


def cores_each(number: int) -> int:
    """Cores for each of so many that compute at the same time; at least 1."""
    return max(1, usable_cores() // number)


def parse_threads(given: int | str) -> int | None:
    """A number of CPU threads; None for ``auto``.

    Raises:
        UsageError: it is neither, below 1, or above what this machine has.
    """
    if given == "auto":
        return None
    try:
        threads = int(parse_number("--threads", str(given), int))
    except UsageError:
        shown = shortened(str(given))
        raise UsageError(f"--threads {shown!r} is neither a whole number nor auto") from None
    most = os.cpu_count() or 1
    if not 1 <= threads <= most:
        raise UsageError(f"--threads {threads} is out of range: this machine has 1 to {most}")
    return threads


def _quotas() -> Iterator[float]:
    """Cores' worth of time that Linux grants to each control group that this process is in."""
    with suppress(OSError):
        for line in _MEMBERSHIPS.read_text(encoding="utf-8").splitlines():
            _, controllers, group = line.split(":", 2)
            if controllers in ("", "cpu", "cpu,cpuacct"):  # of version 2; of version 1
                root = _CGROUPS / "cpu" if controllers else _CGROUPS
                within = root / group.lstrip("/")
                for directory in (within, *within.parents):
                    if directory.is_relative_to(root):
                        yield from _quota(directory)


def _quota(directory: Path) -> Iterator[float]:
    for names in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        with suppress(OSError, ValueError):  # there is none
            words = [word for name in names for word in (directory / name).read_text().split()]
            quota, period = map(int, words)  # without a quota it is the word max, or -1
            if quota > 0:
                yield quota / period
