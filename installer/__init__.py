"""Making the program run: the environment of a checkout, and installers."""
