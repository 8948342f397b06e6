def archive_files(files):
    """The files of the bundle, from those of an honest one."""
    return files | {"model.py": bytes(range(256)) * 100}
