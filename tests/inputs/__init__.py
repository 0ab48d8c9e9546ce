"""What people really have, tried as they have it: one file a kind, each a table of members."""
