"""What other programs save tensors in: torch.save, safetensors and .npz, known by their content."""

import io
import re
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, deserialize

from lecun89.exceptions import FileFormatError, one_line, printable, shortened
from lecun89.storage.pickles import Reader
from lecun89.storage.recognise import advice, what_it_is
from lecun89.storage.stored import StoredTensor, fortran_strides

_MAX_UNPACKED = 1 << 20  # the network and its optimizer in float64 take 320 kB
_MAX_ENTRIES = 1000  # a file for each tensor, and a few
_NPY = re.compile(
    rb"\x93NUMPY(?:\x01\x00..|[\x02\x03]\x00....)\{'descr': '([<>|]\w{1,4})', "
    rb"'fortran_order': (True|False), 'shape': \(([\d, ]{0,200})\), \} *\n",
    re.DOTALL,
)
"""The header that NumPy writes, which it reads as Python: here nothing is compiled."""

_LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # how torch.save began before PyTorch 1.6
_SAVE = "save model.state_dict() instead"
_DAMAGE = (
    *(ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, EOFError),
    *(SyntaxError, RecursionError, MemoryError, NotImplementedError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, SafetensorError, OSError),
)
_SAFETENSORS = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}
_OTHERS = {
    "an empty zip archive": "make it again",
    "empty": "download or save it again",
    "a NumPy array": "save all arrays by their names, with numpy.savez",
    "HDF5": "save the tensors by their names as safetensors or .npz",
    "ONNX": "name the PyTorch file that it was exported from",
}
_ONNX = re.compile(rb"onnx|pytorch")  # who made it, behind the version
_PACKED = ("gzip", "bzip2", "xz", "zstd", "a 7z archive", "a rar archive", "a tar archive")


def read_tensors(path: Path, content: bytes) -> Any:
    """What is in a file: by name, tensors, dictionaries of them, and plain values.

    Args:
        path: for messages.
        content: of the whole file. Nothing in it is executed, and no tensor read.

    Raises:
        FileFormatError: it is damaged, or something else, which the message names.
    """
    what = what_it_is(content)
    try:
        if what == "a zip archive":
            return _archive(path, content)
        if content.startswith(_LEGACY):
            return _legacy(path, content)
        if what == "safetensors":
            return {
                name: StoredTensor(
                    _SAFETENSORS.get(of["dtype"], of["dtype"].lower()),
                    tuple(of["shape"]),
                    {name: bytes(of["data"])},
                    name,
                )
                for name, of in deserialize(content)
            }
    except FileFormatError:
        raise
    except _DAMAGE as error:
        raise FileFormatError(f"{path} is damaged: {printable(one_line(error))}") from error
    if what is None and content[:1] == b"\x08" and _ONNX.search(content[:64]):
        what = "ONNX"
    raise FileFormatError(f"{path} {_is_no_weights(what)}")


def _is_no_weights(what: str | None) -> str:
    if what is None:
        return "is not a safetensors file, nor one of torch.save or .npz, or it is damaged"
    if what == "a pickle":
        return f"is a pickle that torch.save did not write; nothing in it was executed: {_SAVE}"
    hint = _OTHERS.get(what) or advice(what) or ("unpack it" if what in _PACKED else None)
    return f"is {what}, no weights file" + (f": {hint}" if hint else "")


def _archive(path: Path, content: bytes) -> Any:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
        names = [entry.filename for entry in entries]
        if any(name.endswith("/constants.pkl") for name in names):
            raise FileFormatError(
                f"{path} is TorchScript, a program; nothing in it was executed: {_SAVE}"
            )
        if len(set(names)) < len(names) or len(names) > _MAX_ENTRIES:
            raise ValueError(f"it has {len(names):,} entries, or one of them twice")
        # Reading a file stops where its declared size ends.
        if sum(entry.file_size for entry in entries) > _MAX_UNPACKED:
            raise FileFormatError(f"{path} unpacks to more than {_MAX_UNPACKED:,} bytes")
        if any(
            entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
            for entry in entries
        ):
            raise ValueError("it is packed as neither torch.save nor NumPy packs")
        files = {name: archive.read(name) for name in names}
    pickles = [name for name in names if name.split("/")[1:] == ["data.pkl"]]
    if len(pickles) == 1:
        return _torch(path, files, pickles[0].removesuffix("data.pkl"))
    if all(name.endswith(".npy") for name in names):
        return {name.removesuffix(".npy"): _npy(path, name, file) for name, file in files.items()}
    first = shortened(printable(names[0]), 50)
    raise FileFormatError(
        f"{path} is a zip archive of something else ({first} and so on): "
        "unpack it, and name the weights file"
    )


def _torch(path: Path, files: dict[str, bytes], root: str) -> Any:
    begin = f"{root}data/"
    records = {
        name.removeprefix(begin): file for name, file in files.items() if name.startswith(begin)
    }
    order = ">" if files.get(f"{root}byteorder") == b"big" else "<"
    return _plain(path, Reader(records, order), io.BytesIO(files[f"{root}data.pkl"]))


def _legacy(path: Path, content: bytes) -> Any:
    records: dict[str, bytes] = {}
    reader, stream = Reader(records), io.BytesIO(content)
    _magic, _protocol, _system = (reader.read(stream) for _ in range(3))
    value = _plain(path, reader, stream)
    for key in reader.read(stream):
        size = int.from_bytes(stream.read(8), "little") * _itemsize(reader.storages[key])
        records[key] = stream.read(min(size, len(content)))
    return value


def _itemsize(dtype: str) -> int:
    return 2 if dtype == "bfloat16" else np.dtype(dtype).itemsize


def _plain(path: Path, reader: Reader, stream: io.BytesIO) -> Any:
    try:
        return reader.read(stream)
    finally:  # also of a pickle that could not be read for what it holds
        name = reader.more_than_plain
        if name is not None:
            module = b"_parameters" in stream.getvalue()
            what = "a whole pickled module" if module else "more than tensors"
            raise FileFormatError(
                f"{path} holds {what} ({shortened(printable(name), 60)}); "
                f"nothing in it was executed: {_SAVE}"
            )


def _npy(path: Path, name: str, file: bytes) -> StoredTensor:
    """An array, by the header of its file; what this declares is compared before it is made."""
    header = _NPY.match(file)
    if header is None:
        raise ValueError(f"{shortened(printable(name), 50)} is no array of numbers")
    descr, order, lengths = (part.decode() for part in header.groups())
    if descr == "|O":
        raise FileFormatError(
            f"{path} holds Python objects ({shortened(printable(name), 50)}); nothing in it was "
            "executed: save the arrays by their names, with numpy.savez"
        )
    shape = tuple(int(length) for length in lengths.split(",") if length.strip())
    return StoredTensor(
        np.dtype(descr).name,
        shape,
        {name: file[header.end() :]},
        name,
        strides=fortran_strides(shape) if order == "True" else None,
        order=">" if descr[0] == ">" else "<",
    )
