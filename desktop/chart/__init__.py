"""The chart engine."""
