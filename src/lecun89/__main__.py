"""``python -m lecun89``."""

from lecun89.cli import main

if __name__ == "__main__":
    main()
