"""A long run takes no more memory at its end than at its beginning."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lecun89.training.runs import list_runs, open_run
from tests.faults.harness import Server


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "passes"), [("native", 2000), ("eager", 150)], ids=["native", "eager"]
)
def test_memory_stays_within_five_percent(
    server: Server,
    data_dir: Path,
    tmp_path: Path,
    figure: Callable[[str], None],
    engine: str,
    passes: int,
) -> None:
    env = {"LECUN89_DATA_DIR": str(data_dir)}
    line = ("train", "--batch-size", "full", "--passes", passes, "--engine", engine)
    victim = server.start(*line, cwd=tmp_path, env=env)
    sizes: list[tuple[int, int]] = []  # passes done, resident pages
    while victim.runs():
        time.sleep(0.25)
        found = list_runs(tmp_path / "runs")
        try:
            done = open_run(found[0]).load_state()[1].passes if found else 0
            pages = int(Path(f"/proc/{victim.pid}/statm").read_text().split()[1])
        except (OSError, ValueError, IndexError):
            continue
        sizes.append((done, pages))
    assert victim.wait().code == 0
    early = [pages for done, pages in sizes if passes / 10 <= done < passes / 4]
    late = [pages for done, pages in sizes if done >= passes * 0.75 and pages > 0]
    growth = max(late) / max(early) - 1
    figure(
        f"{passes:,} passes, resident memory {100 * growth:+.1f}% from the first tenth to the end"
    )
    assert growth < 0.05
