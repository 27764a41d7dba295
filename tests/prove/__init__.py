"""Random valid graphs through the judge, the NumPy reference and the generated C."""
