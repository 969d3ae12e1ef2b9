"""The commands of `mastra-convex watch`, which `mastra-convex show --watch` shares: what changes, as it comes."""
