def archive_files(files):
    """The files of the bundle, from those of an honest one."""
    return files | {"submission.toml": files["submission.toml"].replace(b'"Ada"', b"7")}
