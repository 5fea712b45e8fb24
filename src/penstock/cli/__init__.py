"""The command line: `penstock APP [options]`. The command itself is `penstock.cli.main:main`."""
