"""A remote OpenFGA server as the engine: the one home of its client, `openfga-sdk`."""
