"""From folders of clips to prepared data: measured, judged, split, packed; on many cores or a Ray cluster."""
