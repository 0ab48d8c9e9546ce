"""Which files of a directory are meant, and why none is."""

from contextlib import suppress
from itertools import islice
from pathlib import Path

_PACKED = (".gz", ".bz2", ".xz")
_OTHERS = {
    **dict.fromkeys((".csv", ".tsv"), "CSV"),
    **dict.fromkeys((".h5", ".hdf5"), "HDF5"),
    **dict.fromkeys((".npz", ".npy"), "NumPy's form"),
    **dict.fromkeys((".pt", ".pth"), "PyTorch's form"),
    **dict.fromkeys((".pkl", ".pickle"), "a pickle"),
    **dict.fromkeys((".zip", ".tar", ".tgz", ".7z", ".rar"), "an archive"),
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff"), "a picture"),
    ".mat": "MATLAB's form",
    ".parquet": "Parquet",
    ".arrow": "Arrow",
    ".tfrecord": "TensorFlow's form",
}
_MOST = 2_000  # names; a folder of pictures has 70,000


def unpacked_name(path: Path) -> str:
    """A file's name in lower case, without the ending of a packed file."""
    return (path.stem if path.suffix.lower() in _PACKED else path.name).lower()


def other_form(directory: Path) -> str:
    """What is in a directory in a form of digits that is not read, as the end of "no digits in X".

    It is empty when there is nothing of that kind.
    """
    found: list[tuple[Path, str]] = []
    with suppress(OSError):
        for path in islice(directory.rglob("*"), _MOST):
            endings = [ending for ending in path.suffixes if ending.lower() in _OTHERS]
            found += [(path.relative_to(directory), _OTHERS[one.lower()]) for one in endings[-1:]]
    if not found:
        return ""
    path, form = min(found)
    return f", but {path}, and {form} is not read"
