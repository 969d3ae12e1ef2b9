"""Adapters of agent frameworks: one module each, imported by its users only. Each takes a store, or opens one."""
