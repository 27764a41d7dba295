"""The benchmark: shared models on the simulated board, beside what others publish."""
