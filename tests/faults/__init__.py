"""What may go wrong beside us: a kill, a power cut, a full disk; and that nothing is lost by it."""
