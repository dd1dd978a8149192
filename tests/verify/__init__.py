"""Tests of verification: real boxes, checked while they are well and while they are not."""
