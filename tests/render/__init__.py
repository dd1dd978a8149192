"""Rendered directories: what is in them, and what Vagrant, Ruby and Ansible read there."""
