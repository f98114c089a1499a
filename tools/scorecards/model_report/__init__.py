"""The model report of a card: what it is for, what it was made from, how well it does, and what it does not show."""
