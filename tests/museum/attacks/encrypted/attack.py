import io
import zipfile


def archive(files):
    """Bytes of the archive, from the files of an honest bundle by name."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
        pass
    whole = bytearray(out.getvalue())
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = whole.find(magic)
        while at >= 0:
            whole[at + offset] |= 1
            at = whole.find(magic, at + 1)
    return bytes(whole)
