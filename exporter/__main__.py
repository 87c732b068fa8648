"""`python -m exporter` is `anthropic-exporter`."""

from exporter.cli import main

if __name__ == "__main__":
    main()
