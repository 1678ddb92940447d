"""The demonstration estate: a plausible product's tables, filled with real legacy material."""
