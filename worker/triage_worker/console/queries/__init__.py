"""What pages show: functions of a connection to the state that return plain values."""
