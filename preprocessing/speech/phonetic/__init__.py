"""Our own speech encoder: what the mouth shows of a sound, in any language, from weights that ship."""
