"""Pages that show what is stored, and nothing else: what `mastra-convex view` serves (docs/view.md).

It needs the extra `view`.
"""
