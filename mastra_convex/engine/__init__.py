"""The engine protocol, the client that gives whole answers, and the layers in front of an engine. Internal."""
