"""The MUSTs that Mandate claims, one file a family of sources; read through tests/requirements.py."""
