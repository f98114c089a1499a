"""Application: products, applicants, and applications until they are submitted or end."""
