"""Connecting, dialects, installing the schema, and reading the views."""
