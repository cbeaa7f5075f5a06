"""What judges said, measured: ratings, games, the exam, lengths, strengths, agreement."""
