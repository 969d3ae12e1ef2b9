"""Exact search for the nearest vectors: numbers in memory, kept equal to the file by a log of changes."""
