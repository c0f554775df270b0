"""`carnet demo`: a whole Carnet on one machine, with a shop, its history, a member and her emulated iPhone."""
