"""The command line: one module per command or group. Heavy imports are made by the command that needs them."""
