"""What an organization pays for a token, learned from its own bills, and what its days cost as far as known."""
