"""A partner lender that runs: it is told, decides by a policy, keeps its own book, and closes its days to the fen."""
