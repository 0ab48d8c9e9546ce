"""README's tables of `lecun89 bench`, from a saved result.

lecun89 bench --save benchmarks/results/bench_cpu.json
python benchmarks/report.py benchmarks/results/bench_cpu.json
"""

import sys
from pathlib import Path

from lecun89.bench import read_result
from lecun89.render.benchtable import as_markdown

print(as_markdown(read_result(Path(sys.argv[1]))))
