"""Benchmarks: one module each, every figure beside its peers and physical limits from the same run."""
