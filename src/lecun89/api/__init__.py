"""The public Python API, which `lecun89` offers by name."""
