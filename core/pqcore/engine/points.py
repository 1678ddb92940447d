"""The named points of ``pqcore.jobs.points``, for the engine."""

from pqcore.jobs.points import Listener, Point, listen, reach

__all__ = ["Listener", "Point", "listen", "reach"]
