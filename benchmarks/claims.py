"""What the paper claims beside its four numbers, measured: docs/science.md.

python benchmarks/claims.py NAME --data-dir DIR       # train, into results/claims_NAME.csv
python benchmarks/claims.py all --write               # tables, figures and claims.json from these

Run it again to go on where it stopped. `--quick` trains one seed of one pass.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from claimed import training
from claimed.claims import CLAIMS
from claimed.document import write
from lecun89 import cores
from lecun89.data import default_data_dir
from lecun89.parsing import parse_seeds

HERE = Path(__file__).parent


def main() -> None:
    """Train for a claim, or write what the results say."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=[*CLAIMS, "all"])
    parser.add_argument("--seeds", type=parse_seeds, default=range(30), help="such as 0..29")
    parser.add_argument("--data-dir", type=Path, default=default_data_dir())
    parser.add_argument("--results", type=Path, default=HERE / "results")
    parser.add_argument("--workers", type=int, default=cores.usable_cores())
    parser.add_argument("--quick", action="store_true", help="one seed of one pass")
    parser.add_argument("--write", action="store_true", help="write what the results say")
    parser.add_argument("--root", type=Path, default=HERE.parent, help="of what is written")
    arguments = parser.parse_args()
    names = [*CLAIMS] if arguments.name == "all" else [arguments.name]
    if arguments.write:
        write(names, arguments.results, arguments.root)
        return
    seeds = [*arguments.seeds][:1] if arguments.quick else arguments.seeds
    for claim in (CLAIMS[name] for name in names):
        cells = claim.cells(seeds)
        if arguments.quick:
            cells = [replace(cell, passes=1) for cell in cells]
        own, *others = claim.files(arguments.results)
        training.train(
            cells,
            *(own, others),
            claim.columns,
            claim.measure,
            arguments.data_dir,
            workers=arguments.workers,
            side_by_side=claim.side_by_side,
        )


if __name__ == "__main__":
    main()
