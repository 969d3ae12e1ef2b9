"""The commands of `mastra-convex show`: what is stored, for terminals and scripts."""
