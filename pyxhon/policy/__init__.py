"""Behaviours and a policy → verdicts and suggestions."""
