def archive_files(files):
    """The files of the bundle, from those of an honest one."""
    return files | {"model.py": b"(" * 1_000_000}
