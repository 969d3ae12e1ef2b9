"""Stores the spans of agents: OpenTelemetry, OpenAI Agents and LangChain as sources, a store as the sink."""
