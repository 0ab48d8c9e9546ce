"""What each named training is: a table of frozen values. Nothing here needs PyTorch."""

from lecun89.variants.registry import VARIANTS, assume, get_variant
from lecun89.variants.variant import Variant

__all__ = ["VARIANTS", "Variant", "assume", "get_variant"]
