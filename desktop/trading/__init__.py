"""What the terminal knows and does: no Qt, no sockets."""
