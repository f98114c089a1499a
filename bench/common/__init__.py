"""What the benchmarks share: measuring in turns, servers of their own, results and their table."""
