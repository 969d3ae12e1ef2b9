"""The meaning of rows, the same on every backend; the files have twins in `convex_functions/mastra/lib`. Internal."""
