"""The process around a server: signals, start, stop and exit codes."""
