import io
import zipfile


def archive(files):
    """Bytes of the archive, from the files of an honest bundle by name."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
        made.writestr("frames/000.png", bytes(4 << 20))
        first = made.filelist[-1]
        for number in range(1, 100):
            again = zipfile.ZipInfo(f"frames/{number:03}.png")
            for field in ("CRC", "compress_size", "file_size", "header_offset", "compress_type", "flag_bits"):
                setattr(again, field, getattr(first, field))
            made.filelist.append(again)
    return out.getvalue()
