"""``python -m tokenbill``: the command line."""

import sys

from tokenbill.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
