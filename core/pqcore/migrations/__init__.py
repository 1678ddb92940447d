"""One module a scope (hashes, wrappers, signatures): old value in, verified new value out."""
