"""How fast a scrape is and what a refresh costs, side by side with peers: `make bench`."""
