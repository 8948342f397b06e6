hoard = [bytearray(1 << 26) for _ in range(1 << 20)]
