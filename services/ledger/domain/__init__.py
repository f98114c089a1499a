"""What the ledger decides: pure functions of commands, facts and dates."""
