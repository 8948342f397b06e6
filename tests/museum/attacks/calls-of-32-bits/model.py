import ctypes
import mmap

from torch import nn


def build(i, o):
    # mov eax, 20 (getpid); int 0x80; ret
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
    address = ctypes.addressof(ctypes.c_char.from_buffer(code))
    answer = ctypes.CFUNCTYPE(ctypes.c_long)(address)()
    if answer not in (-1, -38):
        raise RuntimeError(f"escaped: {answer}")
    return nn.Linear(i, o)
