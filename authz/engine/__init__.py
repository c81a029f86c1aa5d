"""The relationship engine: OpenFGA's semantics over a `TupleStore`, synchronous, no SQL inside."""
