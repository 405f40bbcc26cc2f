"""The gin files; a package, so that gin can say which file it did not find."""
