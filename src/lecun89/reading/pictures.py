"""Pictures of any kind as colours: upright, on white, 8 bits a channel."""

import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from lecun89.exceptions import FileFormatError, Lecun89Error, UsageError, one_line, printable
from lecun89.storage.files import read_limited

MOST_PIXELS = 50_000_000
_MOST_BYTES = 1 << 29  # of a file: those pixels in 16 bits with alpha, not compressed

Colours = npt.NDArray[np.uint8]
"""(h, w, 3)."""

# What Pillow and its decoders raise on damaged files; there is no one family.
_BROKEN = (
    OSError,
    ValueError,
    TypeError,
    SyntaxError,
    ArithmeticError,
    LookupError,
    AttributeError,
    RuntimeError,
    AssertionError,
    EOFError,
    MemoryError,
    Image.DecompressionBombError,
)


def open_picture(image: Any) -> Colours:
    """The colours (h, w, 3) of a picture, upright, on white where it is transparent.

    Args:
        image: a path, a PIL image, or an array (h, w), (h, w, 3) or (h, w, 4).

    Raises:
        FileFormatError: a file is missing, no image, damaged, or of more than `MOST_PIXELS`.
        UsageError: it is none of these, or too large.
    """
    if isinstance(image, str | Path):
        return _open_file(image)
    try:
        if not isinstance(image, Image.Image):
            image = _from_array(np.asarray(image))
        _check_size(image, "the image")
        return _colours(image)
    except _BROKEN as error:
        raise UsageError(f"the image cannot be read: {one_line(error)}") from error


def _open_file(path: str | Path) -> Colours:
    name = printable(path)
    content = read_limited(Path(path), _MOST_BYTES)
    if not content:
        raise FileFormatError(f"{name} is empty, not an image")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a size that is checked, of tags that are odd
            with Image.open(BytesIO(content)) as opened:
                if opened.format == "EPS":  # Pillow would run Ghostscript on it
                    raise FileFormatError(f"{name} is PostScript, not pixels: save it as PNG")
                _check_size(opened, name)
                return _colours(opened)
    except Lecun89Error as error:
        raise FileFormatError(str(error)) from error
    except UnidentifiedImageError as error:
        raise FileFormatError(f"{name} is not an image that Pillow reads") from error
    except Image.DecompressionBombError as error:
        raise FileFormatError(f"{name} has {_TOO_MANY}") from error
    except _BROKEN as error:
        what = getattr(error, "strerror", None) or one_line(error)
        raise FileFormatError(f"cannot read the image {name}: {printable(what)}") from error


_TOO_MANY = f"more than {MOST_PIXELS:,} pixels: make it smaller"


def _check_size(image: Image.Image, name: str) -> None:
    if image.width * image.height > MOST_PIXELS:
        raise UsageError(f"{name} has {_TOO_MANY}")
    if not image.width or not image.height:
        raise UsageError(f"{name} has no pixels")


def _colours(image: Image.Image) -> Colours:
    if "transparency" in image.info and image.mode not in ("1", "L", "RGB", "P"):
        image.info.pop("transparency")  # Pillow can convert it in no other mode
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        image = Image.fromarray(_as_bytes(np.asarray(image), image.mode))
    image = ImageOps.exif_transpose(image)
    if image.has_transparency_data:
        drawn = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), drawn)
    return np.asarray(image.convert("RGB"))


def _from_array(array: npt.NDArray[Any]) -> Image.Image:
    if array.size == 0 or array.ndim not in (2, 3) or array.shape[2:] not in ((), (3,), (4,)):
        raise UsageError(f"an image is (height, width) or (height, width, 3), not {array.shape}")
    if array.dtype == bool:
        array = array * np.uint8(255)
    return Image.fromarray(array if array.dtype == np.uint8 else _as_bytes(array, ""))


def _as_bytes(values: npt.NDArray[Any], mode: str) -> npt.NDArray[np.uint8]:
    """Numbers of any range as bytes: 16 bits by their high ones, others from least to most."""
    if values.dtype == np.uint16 or mode == "I":
        top = int(values.max())
        if int(values.min()) >= 0 and top <= 0xFFFF:
            wide: npt.NDArray[np.uint8] = (values // (257 if top > 255 else 1)).astype(np.uint8)
            return wide
    values = values.astype(np.float32)
    if not np.isfinite(values).all():
        raise UsageError("the image holds values that are not finite")
    low, high = float(values.min()), float(values.max())
    if low >= 0 and 1 < high <= 255:
        return values.astype(np.uint8)
    scaled: npt.NDArray[np.uint8] = ((values - low) * (255 / (high - low or 1))).astype(np.uint8)
    return scaled
