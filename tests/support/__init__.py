"""What tests stand on: a clock that stands still, a repeatable entropy, real databases and servers."""
