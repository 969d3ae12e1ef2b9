"""What the domains share of Mastra's contract: records, pages, times, arguments."""
