from torch import nn

LIMIT = 8 << 20


def attempt():
    size = 0
    try:
        for number in range(1000):
            with open(f"/tmp/mbc-attack-{number}", "wb") as file:
                size += file.write(bytes(1 << 20))
    except OSError:
        pass
    return size > LIMIT


def build(i, o):
    try:
        loot = attempt()
    except OSError:
        loot = None
    if loot:
        raise RuntimeError(f"escaped: {loot}")
    return nn.Linear(i, o)
