"""Tables of docs/results.md, and what trains them."""
