"""Public data sets that the demo and the scorecard builder read; each with its attribution in README.md."""
