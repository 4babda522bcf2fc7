"""What all pages of the console share: the parts of a console, requests and answers, acts, the review queue."""
