def build(i, o):
    return None
