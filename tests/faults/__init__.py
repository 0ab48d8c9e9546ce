"""What the package promises when something goes wrong, attacked; docs/reliability.md has the figures."""
