"""One training: the loop, its checkpoints, the run on disk, how long it will take."""
