def archive_files(files):
    """The files of the bundle, from those of an honest one."""
    return files | {"submission.toml": b"api = 1\na = " + b"[" * 100_000}
