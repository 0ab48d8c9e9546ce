"""LeCun et al. 1989, *Backpropagation Applied to Handwritten Zip Code Recognition*, reproduced.

>>> import lecun89
>>> result = lecun89.train("base", passes=1, progress=False)
>>> result.test.misses
206

What is listed in ``__all__`` is the public interface; docs/python.md shows all of it. Importing
the package loads neither NumPy nor PyTorch: each name is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lecun89.version import __version__

if TYPE_CHECKING:
    from lecun89.api.digits import DataSplits as DataSplits
    from lecun89.api.digits import load_digits as load_digits
    from lecun89.api.networks import MissedDigits as MissedDigits
    from lecun89.api.networks import Prediction as Prediction
    from lecun89.api.networks import evaluate as evaluate
    from lecun89.api.networks import load_model as load_model
    from lecun89.api.networks import misses as misses
    from lecun89.api.networks import predict as predict
    from lecun89.api.read import Reading as Reading
    from lecun89.api.read import read as read
    from lecun89.api.results import Result as Result
    from lecun89.api.results import Results as Results
    from lecun89.api.train import train as train
    from lecun89.api.train import train_many as train_many
    from lecun89.data import Digits as Digits
    from lecun89.exceptions import Lecun89Error as Lecun89Error
    from lecun89.variants import VARIANTS as VARIANTS
    from lecun89.variants import Variant as Variant
    from lecun89.variants import get_variant as get_variant
    from lecun89.variants import list_variants as list_variants

_MODULES = {
    "VARIANTS": "variants",
    "DataSplits": "api.digits",
    "Digits": "data",
    "Lecun89Error": "exceptions",
    "MissedDigits": "api.networks",
    "Prediction": "api.networks",
    "Reading": "api.read",
    "Result": "api.results",
    "Results": "api.results",
    "Variant": "variants",
    "evaluate": "api.networks",
    "get_variant": "variants",
    "list_variants": "variants",
    "load_digits": "api.digits",
    "load_model": "api.networks",
    "misses": "api.networks",
    "predict": "api.networks",
    "read": "api.read",
    "train": "api.train",
    "train_many": "api.train",
}

__all__ = [
    "VARIANTS",
    "DataSplits",
    "Digits",
    "Lecun89Error",
    "MissedDigits",
    "Prediction",
    "Reading",
    "Result",
    "Results",
    "Variant",
    "__version__",
    "evaluate",
    "get_variant",
    "list_variants",
    "load_digits",
    "load_model",
    "misses",
    "predict",
    "read",
    "train",
    "train_many",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'lecun89' has no attribute {name!r}")
    value = getattr(import_module(f"lecun89.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
