"""Tests of the board simulator; `firmware/` holds the programs that run on it."""
