"""What perpmaker costs in time and memory, against the goals of docs/performance.md; see `benchmarks.conftest`."""
