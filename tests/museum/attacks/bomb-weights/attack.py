def archive_files(files):
    """The files of the bundle, from those of an honest one."""
    return files | {"weights.safetensors": bytes((256 << 20) + 1)}
