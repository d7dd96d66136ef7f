"""One byte-stream seam for everything that goes over a network: TCP, TLS or in memory."""
