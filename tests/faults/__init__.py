"""What the package promises when something goes wrong, attacked; see docs/reliability.md."""
