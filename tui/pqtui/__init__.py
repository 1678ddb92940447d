"""The pqconsole terminal console and command line."""
