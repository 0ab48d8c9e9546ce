"""Everything that draws: lines, tables, progress."""
