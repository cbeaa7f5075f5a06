"""Where numbers become words, drawings and files; nothing is measured here."""
