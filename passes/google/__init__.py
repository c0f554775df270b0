"""Google Wallet: loyalty classes and objects as JSON, and the link that saves one."""
