"""Ablations: recipes trained in several variants, compared on the same patients."""
