"""The audit of accepted events: which of them are read, and what their answers say about all of them.

Everything here is pure: values in, values out, no Kafka, no clock, no files. numpy is the only dependency.
"""
