def archive_files(files):
    """The files of the bundle, from those of an honest one."""
    return files | {"submission.toml": b"api = 1\n" + b"".join(b"[a%d]\n" % i for i in range(50_000))}
