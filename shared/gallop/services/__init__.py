"""What is done to a job, whoever asks for it."""
