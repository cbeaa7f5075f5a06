"""What models picked, measured: choices side by side, flips, distances, margins, ties."""
