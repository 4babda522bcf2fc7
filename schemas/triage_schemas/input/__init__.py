"""The input topic: from the bytes of a record to a customer's message.

`decoder.decode` is the entry point. Each format is one module, and `formats.FORMATS` lists them.
"""
