"""Where secrets come from: keys, logins, licences; the only package that touches the keyring."""
