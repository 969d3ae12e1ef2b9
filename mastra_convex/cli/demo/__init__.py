"""The demo: `mastra-convex demo` shows the domains on a SQLite file, with a chat transcript."""
