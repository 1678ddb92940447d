"""What holds a job back, and how large its batches are."""
