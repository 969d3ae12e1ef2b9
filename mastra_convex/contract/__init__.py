"""Holds what the domains share of Mastra's contract: records, pages, order, arguments. Internal."""
