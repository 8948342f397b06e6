def archive_files(files):
    """The files of the bundle, from those of an honest one."""
    return files | {"submission.toml": b"a" + b".a" * 8000 + b" = 1"}
