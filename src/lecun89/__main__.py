"""``python -m lecun89``, and the command ``lecun89``."""

import sys


def main() -> None:
    """Run the command line; Ctrl-C is one line from the first moment on."""
    try:
        from lecun89.cli import main as run

        run()
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
