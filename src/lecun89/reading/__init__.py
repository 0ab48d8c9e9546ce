"""From pictures to digits as the network sees them."""
