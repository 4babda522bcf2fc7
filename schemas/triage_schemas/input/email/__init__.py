"""Reads the headers and the parts of an e-mail, by the standard library's parser."""
