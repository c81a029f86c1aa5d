"""What the server tells about itself: the sealed audit trail, traces, metrics, logs, readiness."""
