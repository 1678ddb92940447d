"""The parts of the main screen: what it knows, what it reads, draws and does. Only ``shown`` knows no widget."""
