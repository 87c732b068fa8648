"""A load test of the endpoint that anybody can run: `make siege`."""
