"""Watching from a terminal: `mastra-convex watch`, and `show --watch`."""
