"""What `benchmarks/claims.py` measures: a file for each kind of claim."""
