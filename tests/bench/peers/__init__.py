"""What a user would pick instead of Triage, each as its own documents advise; `run` measures all of them."""
