"""Building scorecards offline: public data in, an immutable JSON card, a golden file and a model report out."""
