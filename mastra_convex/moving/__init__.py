"""Moves what is stored from one database to another, by a file or directly: rows as they lie there. Internal."""
