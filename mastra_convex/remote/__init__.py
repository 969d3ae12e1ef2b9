"""The engine over HTTP: settings, transport, retries, answers, the schema check. Internal."""
