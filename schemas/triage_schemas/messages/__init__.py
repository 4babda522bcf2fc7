"""What decoding a record makes: a customer message, a rejection or a skip."""
