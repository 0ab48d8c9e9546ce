"""How well and how fast digits are read from pictures: docs/read.md.

python benchmarks/read.py            # a quarter of an hour; --sheets 100 for a look
"""

import argparse
import json
import platform
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import skimage
import torch
from PIL import Image
from torch import nn

import lecun89
from lecun89.analysis.evaluation import outputs
from lecun89.data import Digits, default_data_dir, load_or_make
from lecun89.devices import cpu_model
from lecun89.exceptions import DataUnavailableError
from lecun89.reading.reading import read_picture
from sheets import Bytes, Count, Sheet, Style, count_sheet, draw_sheet, originals_of

SEED = 1989_000
"""Of the first sheet; what was tuned was tuned on others, with validation digits."""


def sheets_of(digits: Digits, count: int, style: Style, seed: int) -> Iterator[Sheet]:
    """Sheets with digits drawn from a split."""
    originals = originals_of(digits)
    for number in range(seed, seed + count):
        indices = np.random.default_rng(number).integers(len(originals), size=style.digits)
        yield draw_sheet(originals, indices.tolist(), number, style)


def accuracy(network: nn.Module, digits: Digits, normalisation: str, count: int) -> dict[str, Any]:
    """What is found and read on sheets, beside the same digits from the originals."""
    known = outputs(network, torch.tensor(digits.images[:, None])).numpy().argmax(axis=1)
    total = Count()
    for sheet in sheets_of(digits, count, Style(), SEED):
        reading = read_picture(
            network, sheet.image, threshold=0, reject_for=100, normalisation=normalisation
        )
        count_sheet(total, sheet, reading, digits.labels, known)
    return asdict(total) | total.rates


def speed(network: nn.Module, digits: Digits, style: Style, count: int) -> dict[str, Any]:
    """Digits in a second of one core's time, from the bytes of a file to text."""
    files = [sheet.jpeg for sheet in sheets_of(digits, count, style, SEED)]
    found, pixels, seconds = 0, 0, []
    for file in files:
        began = time.process_time()
        with Image.open(BytesIO(file)) as image:
            reading = read_picture(
                network, image, threshold=0, reject_for=100, normalisation="mnist"
            )
            str(reading)
        seconds.append(time.process_time() - began)
        found += len(reading.digits)
        pixels += reading.picture.size // 3
    rate = found / sum(seconds)
    return {"files": count, "digits": found, "pixels": pixels // count, "digits_per_second": rate}


def outside(network: nn.Module) -> dict[str, Any]:
    """scikit-learn's digits (8x8, other writers), each as a picture of its own."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    misses = 0
    for image, label in zip(bunch.images, bunch.target, strict=True):
        ink: Bytes = np.rint(np.pad(image, 2) * (255 / 16)).astype(np.uint8)
        large = Image.fromarray(255 - ink).resize((240, 240), Image.Resampling.BICUBIC)
        reading = read_picture(
            network, large, threshold=0, reject_for=100, normalisation="mnist", single=True
        )
        misses += not reading.digits or reading.digits[0].label != int(label)
    total = len(bunch.target)
    return {"digits": total, "misses": misses, "error_percent": 100 * misses / total}


def main() -> None:
    """Measure, print a table, and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sheets", type=int, default=1000)
    parser.add_argument("--data-dir", type=Path, default=default_data_dir())
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/read.json"))
    parser.add_argument("--only", choices=["sheets", "speed", "outside"], help="keep the rest")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    network = lecun89.load_model("record", data="full")
    mnist = load_or_make("full", "test", arguments.data_dir)
    kept = arguments.only and arguments.out.exists()
    found = json.loads(arguments.out.read_text("utf-8")) if kept else {}
    found |= {"schema_version": 1, "seed": SEED, "machine": machine()}
    if arguments.only in (None, "sheets"):
        found["sheets"] = {"full": accuracy(network, mnist, "mnist", arguments.sheets)}
        found["sheets"] |= of_usps(arguments.data_dir, arguments.sheets)
    if arguments.only in (None, "speed"):
        few, many = Style(sizes=(28, 48)), Style(digits=100, per_line=10, sizes=(28, 48))
        found["speed"] = {
            "5 digits": speed(network, mnist, few, max(2, arguments.sheets // 10)),
            "100 digits": speed(network, mnist, many, max(2, arguments.sheets // 50)),
        }
    if arguments.only in (None, "outside"):
        found["outside"] = outside(network)
    arguments.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8", newline="\n")
    print(as_markdown(found))


def of_usps(data_dir: Path, count: int) -> dict[str, Any]:
    """The same with the Postal Service's digits and their network, where they are at hand."""
    try:
        digits = load_or_make("usps", "test", data_dir)
    except DataUnavailableError as error:
        print(f"without the Postal Service's digits: {error}")
        return {}
    return {"usps": accuracy(lecun89.load_model("record", data="usps"), digits, "usps", count)}


def machine() -> dict[str, str]:
    """Where and when."""
    return {
        "processor": cpu_model(),
        "python": platform.python_version(),
        "lecun89": lecun89.__version__,
        "torch": torch.__version__,
        "scikit-image": skimage.__version__,
        "date": datetime.now(UTC).date().isoformat(),
    }


def as_markdown(found: dict[str, Any]) -> str:
    """The tables of docs/read.md."""
    lines = [
        "| digits | sheets | found | false | error | from the originals | factor | order right |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in found.get("sheets", {}).items():
        lines.append(
            f"| test digits of {name} | {row['sheets']:,} | {row['found_percent']:.2f}% "
            f"| {row['false_percent']:.2f}% | {row['error_percent']:.2f}% "
            f"| {row['original_error_percent']:.2f}% | {row['factor']:.2f} "
            f"| {row['ordered_percent']:.1f}% |"
        )
    lines += ["", "| files of | pixels | digits a second |", "|---|---|---|"]
    for name, row in found.get("speed", {}).items():
        lines.append(f"| {name} | {row['pixels']:,} | {row['digits_per_second']:,.0f} |")
    if row := found.get("outside"):
        lines += [
            "",
            f"scikit-learn's digits: {row['misses']} of {row['digits']:,} missed, "
            f"{row['error_percent']:.1f}%",
        ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
