"""Files that are whole or absent, locks, tensors on disk, directories of our own files."""
