"""What other programs made, taken over as a whole: the published FACIAL code, files of other face models."""
