"""The parts of the screen on which a job is written: its targets, what the database says, the verdict, what is kept."""
