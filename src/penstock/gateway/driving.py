"""The driver of applications' calls: native where `_drive` was built, else the pure twin."""

try:
    from penstock.gateway._drive import drive
except ImportError:
    from penstock.gateway.drive import drive

__all__ = ["drive"]
