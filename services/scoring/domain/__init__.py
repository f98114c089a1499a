"""Scoring: indicators, cards, and the score that follows from them. Pure: standard library only, no clock, no I/O."""
