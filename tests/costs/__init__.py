"""The cost model, and the tool that measures its numbers: `python -m tests.costs`."""
