"""Widgets: each draws one kind of snapshot and knows no database."""
