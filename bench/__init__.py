"""The benchmark harness: `python -m bench` measures Penstock against its peers on this machine.

Imports nothing, so that a server that serves `bench.apps` carries none of the harness's memory.
"""
