"""The OpenFGA HTTP API over the engine (Starlette): what openfga-sdk speaks to."""
