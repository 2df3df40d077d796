"""Several tasks learnt by one network, from inputs that mean the same in all of them."""
