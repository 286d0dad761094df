"""Where secrets come from; the only package that touches the keyring."""
