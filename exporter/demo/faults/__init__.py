"""What an upstream API may do to a client, to order."""
