"""What the benchmarks measure the product against, each set up in its own fastest documented way."""
