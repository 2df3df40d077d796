"""Cases with a text and a chest image, in MediLLM's form."""
