"""The job: its states, repository, claims and leases, events and control requests."""
