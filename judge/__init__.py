"""Asking a judge: prompts, client, verdicts, ratings, games, exam. Imports no other room but ledger."""
