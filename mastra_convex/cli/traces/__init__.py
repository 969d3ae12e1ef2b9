"""The commands of `mastra-convex traces`: what agents did, from the traces in a store."""
