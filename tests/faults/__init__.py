"""Faults: workers are killed, stopped and cut off at named points, and afterwards every row is accounted for."""
