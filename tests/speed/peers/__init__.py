"""The peers, driven unmodified through the calls their documentation names."""
