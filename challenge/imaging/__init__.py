"""Pictures, films, thumbnails and tiles of the truth and of models."""
