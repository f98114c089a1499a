"""Who holds what of a loan, what of every movement falls to each, and where a partner is told: pure decisions."""
