"""What LM Studio answers, as documented; see SOURCE.md."""
