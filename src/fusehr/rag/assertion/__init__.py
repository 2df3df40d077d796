"""Assertion of a disease mention: present, absent, historical, family or hypothetical."""
