"""What distillation is worth: students beside their teacher, each other and a copy."""
