"""Algorithms by the standards' names, key generation and loading, HPKE suites and Argon2id. Knows no database."""
