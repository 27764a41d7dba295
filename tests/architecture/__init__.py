"""Tests of the rules that hold across rooms."""
