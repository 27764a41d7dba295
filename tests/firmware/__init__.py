"""Tests of generated firmware: text, build, host library, simulator."""
