"""Motion in the formats that animators use: out to them, and back in to drive a target."""
