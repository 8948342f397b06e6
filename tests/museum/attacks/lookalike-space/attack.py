import io
import zipfile


def archive(files):
    """Bytes of the archive, from the files of an honest bundle by name."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
        made.writestr("model.py ", b"x")
    return out.getvalue()
