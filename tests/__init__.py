"""labctl's tests. A package, so that tests/vagrant does not stand where python-vagrant is."""
