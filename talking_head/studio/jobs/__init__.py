"""Jobs: a queue on the disk, and one worker process for each kind."""
