"""``python -m pqtui``: the same as the command ``pqconsole``."""

from __future__ import annotations

import sys

from pqtui.cli import main

if __name__ == "__main__":
    sys.exit(main())
