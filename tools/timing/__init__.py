"""Measuring steps, each implementation in a process of its own."""
