"""What a stored value is, from the value alone: every form it can be, and never a guess among them.

``detect.detect`` is the entry; ``docs/INSPECT.md`` lists what is told apart and by what.
"""
