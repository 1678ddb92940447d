"""Running jobs: ranges, batches, batch sizing, executors and the worker."""
