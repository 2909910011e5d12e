"""Pictures on their way to the model: archives, remote folders, splits, and the model's inputs."""
