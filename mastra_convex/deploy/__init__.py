"""Writes what is deployed: the generated TypeScript schema, and the files of `mastra-convex init`. Internal."""
