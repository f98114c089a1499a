"""Who may apply, for which product, with what: pure decisions, no clock, no I/O."""
