"""LeCun et al. 1989, *Backpropagation Applied to Handwritten Zip Code Recognition*, reproduced.

The registry of variants and the exceptions are importable from here without loading PyTorch;
everything else lives in the module named for it (``lecun89.training.loop``, ``lecun89.data``, ...).
"""

from lecun89.exceptions import Lecun89Error
from lecun89.variants import VARIANTS, Variant, get_variant
from lecun89.version import __version__

__all__ = ["VARIANTS", "Lecun89Error", "Variant", "__version__", "get_variant"]
