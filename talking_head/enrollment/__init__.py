"""From a video or a photo of somebody to a target."""
