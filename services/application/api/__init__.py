"""How the service is asked: products and consent texts, applicants, applications."""
