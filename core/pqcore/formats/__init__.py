"""Stored forms, old and new, and the functions an application needs to open, verify and check them.

Imports only ``pqcore.crypto`` and ``pqcore.errors``: no SQLAlchemy, no console.
The specification is ``docs/FORMATS.md``.
"""
