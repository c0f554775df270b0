"""Apple Wallet: pass.json, its rules, pictures, signature and package; and a validator."""
