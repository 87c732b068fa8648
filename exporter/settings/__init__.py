"""Every knob: what it is (`model`), where it may come from (`sources`, `file`), and what is said of wrong ones."""
