"""Tests of compilers and incremental builds."""
