"""OneEHR's form: static, dynamic and label tables of any hospital or study."""
