"""Where keys live: providers, versions, locking and permissions."""
