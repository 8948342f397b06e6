def archive_files(files):
    """The files of the bundle, from those of an honest one."""
    return files | {"submission.toml": b"a" + b".a" * 100_000 + b" = 1"}
