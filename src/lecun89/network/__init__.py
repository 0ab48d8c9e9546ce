"""The network of 1989 and its relatives: shapes, modules, losses, weights and their files."""
