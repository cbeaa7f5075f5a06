"""Running the models under test: engines, answers, choices. Imports the ledger only."""
