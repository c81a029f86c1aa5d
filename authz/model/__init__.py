"""Authorization models: the OpenFGA DSL and JSON forms, their rules, and the compiled model."""
