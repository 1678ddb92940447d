"""What is stored in this database: forms, how they stand, how much of it is safe; no stored value leaves it."""
