"""Every gate in one command: `python3 -m tests`."""
