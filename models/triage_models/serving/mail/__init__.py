"""Reads e-mail: what its sender wrote, as opposed to what is quoted, and whether a person wrote it at all.

Every function takes and returns plain values, and needs time proportional to its input. The classifier calls
`triage_models.serving.mail.message.read_message`.
"""
