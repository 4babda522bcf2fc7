"""Who is signed in to the console, and what they may do."""
