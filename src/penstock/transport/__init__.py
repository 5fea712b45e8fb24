"""The only place that knows asyncio: connections, listeners, timers and backpressure."""
