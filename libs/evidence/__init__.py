"""Evidence that needs no trust: Merkle logs over the services' sequences, signed heads, bundles and their verifier."""
