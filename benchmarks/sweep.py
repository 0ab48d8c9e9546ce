"""What a sweep costs beside its trainings: 200 short tasks, with one worker and with two.

python benchmarks/sweep.py dask local
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from lecun89.data import default_data_dir, load
from lecun89.sweeps import Sweep, expand
from lecun89.sweeps.pools import LocalWork, Pool, local_pool, remote_pool
from lecun89.sweeps.work import Splits, train_in_memory

TASKS = 200


@contextmanager
def pools(
    kind: str, workers: int, splits: Splits, place: Path
) -> Iterator[Callable[[], AbstractContextManager[Pool]]]:
    """What makes the workers, started outside of what is timed where they are a cluster's."""
    if kind == "local":
        work = LocalWork(default_data_dir(), {name: [] for name in splits}, place / "runs", 60.0)
        yield lambda: local_pool(workers, work)
        return
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        yield lambda: remote_pool(cluster.scheduler_address, splits)


def main() -> None:
    """Print the seconds of each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="+", choices=("local", "dask"))
    parser.add_argument("--passes", default="5")
    arguments = parser.parse_args()
    of = {split: load("1989", split, default_data_dir()) for split in ("train", "test")}
    splits = {"1989": of}
    digests = {"1989": {split: digits.sha256 for split, digits in of.items()}}
    cells = expand({"passes": [arguments.passes], "seeds": [f"0..{TASKS - 1}"]})
    began = time.perf_counter()
    for cell in cells[:20]:
        train_in_memory([cell], splits)
    print(f"a task alone: {(time.perf_counter() - began) / 20 * 1e3:.0f} ms")
    for kind in arguments.kinds:
        seconds = []
        for workers in (1, 2):
            with (
                tempfile.TemporaryDirectory() as directory,
                pools(kind, workers, splits, Path(directory)) as make,
            ):
                began = time.perf_counter()
                result = Sweep(Path(directory), cells).train(make, digests)
                seconds.append(time.perf_counter() - began)
                assert len(result.finished) == TASKS
            print(f"{kind}, {workers} workers: {seconds[-1]:.1f} s", flush=True)
        print(f"{kind}: two workers are {seconds[0] / seconds[1]:.2f} times as fast as one")


if __name__ == "__main__":
    main()
