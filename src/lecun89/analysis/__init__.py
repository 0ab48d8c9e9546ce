"""What trained networks come to: scores, misses, rejections, statistics, the literature."""
