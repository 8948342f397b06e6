with open("/tmp/mbc-attack", "wb") as file:
    while True:
        file.write(bytes(1 << 20))
