"""The pqconsole engine: databases, jobs, selections, formats, keys and migrations, without any screen."""
