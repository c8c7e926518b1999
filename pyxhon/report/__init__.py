"""Everything joined into one report, and one file per format that shows it."""
