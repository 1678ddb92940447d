"""The selection document: parse, validate, compile to SQL, count, preview, check, complete."""
