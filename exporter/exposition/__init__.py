"""From families to bytes: text, compression, and the answers of all scrapes until the next ones. Knows no collector."""
