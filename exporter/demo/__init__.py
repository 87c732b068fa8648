"""A simulated organization behind a faithful Admin API over real HTTP, for the demo, the tests and the benchmarks."""
