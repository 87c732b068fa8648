"""What is shown: records, the families made of them, their labels. Knows no endpoint, no JSON and no HTTP."""
