"""What each named training is: a table of frozen values. Nothing here needs PyTorch."""

from lecun89.variants.registry import VARIANTS, assume, get_variant, list_variants
from lecun89.variants.variant import Variant, base_data

__all__ = ["VARIANTS", "Variant", "assume", "base_data", "get_variant", "list_variants"]
