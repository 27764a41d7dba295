"""Tests of everything that touches a board, against simulated ports, boot ROM and probe."""
