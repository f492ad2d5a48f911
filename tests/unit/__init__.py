"""Tests of the domain, without any adapter."""
