"""Long runs against hostile bytes: `python -m fuzz.<what> --seconds 60 [--seed N]`. They end with an error at the first find."""
