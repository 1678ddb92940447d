"""How often a process of ours looks for garbage in cycles."""

from __future__ import annotations

import gc

# A batch holds some ten objects for each of thousands of rows, none of them in a cycle. Python looks through the young
# ones after every 700 by default: that took a fifth of a digest job's time.
_YOUNG = 100_000


def collect_seldom() -> None:
    """For processes whose work is migrating; it holds for the whole process, so no library call of ours does it."""
    gc.set_threshold(_YOUNG)
