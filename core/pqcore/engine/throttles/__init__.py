"""What holds a job back: rows a second, time windows, replica lag, running sessions."""
