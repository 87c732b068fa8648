"""Every knob: what it is (`model`), where it may come from (`sources`, `yaml_file`), and what is said of wrong ones."""
