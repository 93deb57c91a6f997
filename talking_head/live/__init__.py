"""A face as it speaks, sent to Unreal as the Live Link Face app sends it."""
