"""Tests of a model: the store files (`.fga.yaml`) of OpenFGA's command line, run in memory."""
