"""Who refreshes what, and when: a job owns a collector of an organization, the poller all of them."""
