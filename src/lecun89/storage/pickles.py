"""Pickles of torch.save, read without executing them.

A pickle is a program. Here it runs on a machine that cannot do anything: a name stays a name, a
call is written down, and only dictionaries, lists, tuples, plain values and the places of tensors
come out of it. Time and memory grow with the length of the pickle alone.
"""

import io
import pickletools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lecun89.storage.stored import StoredTensor

MAX_PICKLE = 128 << 10  # the network and its optimizer take 5 kB, ten thousand losses 90 kB

_PLAIN = re.compile(
    r"collections\.(OrderedDict|Counter)"
    r"|(builtins|__builtin__)\.(set|frozenset|complex|bytearray)"
    r"|_codecs\.encode"
    r"|torch\.(Size|device|\w+Storage|storage\.\w+Storage|nn\.parameter\.Parameter)"
    r"|torch\.(b?float|u?int|bool|complex|q?u?int|bits)[\w]*"
    r"|torch\._utils\._rebuild_\w+|torch\.serialization\._get_layout"
    r"|numpy\.(dtype|ndarray|dtypes\.\w+|_?core\.multiarray\.(scalar|_reconstruct)"
    r"|_?core\.numeric\._frombuffer)"
)
"""Names of what tensors, arrays, numbers and collections are made of."""

_VALUES = {
    *("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE"),
    *("BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BYTEARRAY8"),
}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_DTYPES = {"Float": "float32", "Double": "float64", "Half": "float16", "BFloat16": "bfloat16"}
_DTYPES |= {"Long": "int64", "Int": "int32", "Short": "int16", "Char": "int8", "Byte": "uint8"}


@dataclass(frozen=True)
class Name:
    """A name of a class or function, which was not looked up."""

    text: str


@dataclass(frozen=True, eq=False)
class Call:
    """What would have been made by a call: nothing was."""

    function: object

    def __str__(self) -> str:
        return self.function.text if isinstance(self.function, Name) else "an object"


@dataclass(frozen=True, eq=False)
class _Storage:
    dtype: str
    key: str


class Reader:
    """Reads pickles one behind the other.

    Attributes:
        names: of classes and functions, as they came.
        storages: type of each storage that tensors lie in, by its key.
    """

    def __init__(self, records: Mapping[str, bytes], order: str = "<") -> None:
        """Read pickles whose tensors lie in `records`, which may be filled later."""
        self._records, self._order = records, order
        self.names: list[str] = []
        self.storages: dict[str, str] = {}

    @property
    def more_than_plain(self) -> str | None:
        """The first name of something else than tensors and plain values."""
        return next((name for name in self.names if not _PLAIN.fullmatch(name)), None)

    def read(self, stream: io.BytesIO) -> Any:
        """The next value, with `StoredTensor`, `Call` and `Name` in it.

        Keys of dictionaries that are no strings are replaced: hashing them could take for ever.

        Raises:
            ValueError, IndexError, KeyError, TypeError: it is damaged, or too long.
        """
        stack: list[Any] = []
        marks: list[int] = []
        memo: dict[Any, Any] = {}

        def since_mark() -> list[Any]:
            at = marks.pop()
            items = stack[at:]
            del stack[at:]
            return items

        for opcode, argument, place in pickletools.genops(stream):
            if (place or 0) > MAX_PICKLE:
                raise ValueError("its pickle is too long")
            match opcode.name:
                case op if op in _VALUES:
                    stack.append(argument)
                case op if op in _CONSTANTS:
                    stack.append(_CONSTANTS[op])
                case "EMPTY_DICT":
                    stack.append({})
                case "EMPTY_LIST" | "EMPTY_SET":
                    stack.append([])
                case "MARK":
                    marks.append(len(stack))
                case "TUPLE" | "FROZENSET":
                    stack.append(tuple(since_mark()))
                case op if op in _TUPLES:
                    stack[-_TUPLES[op] :] = [tuple(stack[-_TUPLES[op] :])]
                case "BINPUT" | "LONG_BINPUT":
                    memo[argument] = stack[-1]
                case "MEMOIZE":
                    memo[len(memo)] = stack[-1]
                case "BINGET" | "LONG_BINGET":
                    stack.append(memo[argument])
                case "SETITEM":
                    value, key = stack.pop(), stack.pop()
                    _set(stack[-1], [key, value])
                case "SETITEMS":
                    items = since_mark()
                    _set(stack[-1], items)
                case "APPEND":
                    value = stack.pop()
                    _list(stack[-1]).append(value)
                case "APPENDS" | "ADDITEMS":
                    items = since_mark()
                    _list(stack[-1]).extend(items)
                case "GLOBAL":
                    stack.append(self._named(str(argument).replace(" ", ".")))
                case "STACK_GLOBAL":
                    name, module = stack.pop(), stack.pop()
                    stack.append(self._named(f"{module}.{name}"))
                case "REDUCE" | "NEWOBJ":
                    arguments, function = stack.pop(), stack.pop()
                    stack.append(self._called(function, arguments))
                case "BUILD":  # attributes of what was not made
                    stack.pop()
                case "BINPERSID":
                    stack.append(self._storage(stack.pop()))
                case "STOP":
                    return stack.pop()
                case "PROTO" | "FRAME":
                    pass
                case op:
                    raise ValueError(f"torch.save does not write {op}")
        raise ValueError("it has no end")

    def _named(self, text: str) -> Name:
        self.names.append(text)
        return Name(text)

    def _storage(self, place: Any) -> _Storage:
        match place:
            case (kind, Name(text), str(key), _, int(), *view) if kind == "storage" and not any(
                view
            ):
                name = text.rpartition(".")[2].removesuffix("Storage")
                self.storages[key] = _DTYPES.get(name, name.lower())
                return _Storage(self.storages[key], key)
        raise ValueError("a tensor lies nowhere")

    def _called(self, function: Any, arguments: Any) -> Any:
        match function, arguments:
            case Name("collections.OrderedDict" | "collections.Counter"), _:
                return {}
            case Name("torch._utils._rebuild_parameter"), (StoredTensor(), *_):
                return arguments[0]
            # One more argument says that its values are not what is stored.
            case (
                Name("torch._utils._rebuild_tensor_v2"),
                (_Storage(dtype, key), int(offset), tuple(shape), tuple(strides), _, _),
            ) if len(shape) == len(strides) and all(type(x) is int for x in shape + strides):
                return StoredTensor(dtype, shape, self._records, key, offset, strides, self._order)
        return Call(function)


def _set(target: Any, items: list[Any]) -> None:
    if type(target) is not dict:  # attributes of what was not made, as of a subclass of dict
        return
    for key, value in zip(items[::2], items[1::2], strict=True):
        target[key if type(key) is str else object()] = value


def _list(target: Any) -> list[Any]:
    return target if type(target) is list else []
