"""Everything that draws: lines, tables, progress, pictures, charts."""
