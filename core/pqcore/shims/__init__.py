"""The wrapped form of password hashes for the frameworks that check passwords themselves: Django and libpass.

Each module needs its framework and is imported by the application alone. docs/LOGINS.md says how.
"""
