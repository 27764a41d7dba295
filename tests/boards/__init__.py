"""Tests of board and chip files."""
