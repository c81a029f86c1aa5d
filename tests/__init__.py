"""The tests of Mandate; `tests` is a package so that no folder in it can shadow one of ours."""
