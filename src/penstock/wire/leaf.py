"""The leaf functions that matter for speed: native where `_scan` was built, else the pure twins.

Both twins have the same contract, written in `scan`, and are held equal by differential fuzzing.
"""

try:
    from penstock.wire._scan import apply_mask, parse_head, unmask, write_fields
except ImportError:
    from penstock.wire.scan import apply_mask, parse_head, unmask, write_fields

__all__ = ["apply_mask", "parse_head", "unmask", "write_fields"]
