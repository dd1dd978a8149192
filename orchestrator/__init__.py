"""labctl: reproducible multi-box labs for overlay networks."""

__version__ = "0.1.0"
