"""The exchange for people without an account; a process of its own."""
