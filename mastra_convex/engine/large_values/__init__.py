"""Rows of any size on an engine whose documents hold 1 MiB (docs/protocol.md, "Large values"). Internal."""
