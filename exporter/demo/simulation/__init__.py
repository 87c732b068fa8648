"""What the organization is and does, as a pure function of seed and time."""
