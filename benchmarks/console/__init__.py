"""Measuring the console: the real program in a pseudo-terminal."""
