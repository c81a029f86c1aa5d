"""The calls of the OpenFGA API as plain functions inside a transaction: no HTTP, no SQL."""
